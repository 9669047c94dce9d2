// Plays `?source=` the way hls.js's own documentation tells to. `low=0` switches low latency off; `mend=0` leaves
// out the customary handling of errors, so that none goes unseen; `rate` is how fast it may catch up (without it
// hls.js stays for ever as far behind as its start took); `debug` has hls.js tell the console what it does.

const query = new URLSearchParams(location.search);
const video = document.querySelector('video');
const hls = new Hls({
  lowLatencyMode: query.get('low') !== '0',
  maxLiveSyncPlaybackRate: Number(query.get('rate') ?? 1),
  debug: query.has('debug'),
});
const errors = [];

hls.on(Hls.Events.ERROR, (_, { type, details, fatal, response, error }) => {
  errors.push({ at: Math.round(performance.now()), type, details, fatal, status: response?.code ?? null, text: error?.message ?? '' });
  if (!fatal || query.get('mend') === '0') return;
  if (type === Hls.ErrorTypes.NETWORK_ERROR) hls.startLoad();
  else if (type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
});
hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
hls.attachMedia(video);
hls.loadSource(query.get('source'));

globalThis.viewer = { hls, video, errors };
