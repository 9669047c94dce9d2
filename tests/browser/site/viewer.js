// Plays `?source=` the way hls.js's own documentation tells to. `low=0` switches low latency off; `mend=0` leaves
// out the customary handling of errors, so that none goes unseen; `rate` is how fast it may catch up (without it
// hls.js stays for ever as far behind as its start took); `memory` is for how many seconds of loading it remembers how
// fast the line was, and `estimate` how fast it takes it to be at first, in bit/s; `debug` has hls.js tell the console
// what it does. `native` leaves it all to the browser instead.

const query = new URLSearchParams(location.search);
const video = document.querySelector('video');
const hls = new Hls({
  lowLatencyMode: query.get('low') !== '0',
  maxLiveSyncPlaybackRate: Number(query.get('rate') ?? 1),
  debug: query.has('debug'),
  ...(query.has('estimate') && { abrEwmaDefaultEstimate: Number(query.get('estimate')) }),
  ...(query.has('memory') && { abrEwmaFastLive: Number(query.get('memory')), abrEwmaSlowLive: Number(query.get('memory')) }),
});
const errors = [];
const levels = [];

hls.on(Hls.Events.ERROR, (_, { type, details, fatal, response, error }) => {
  errors.push({
    at: Math.round(performance.now()), when: Date.now(), type, details, fatal, status: response?.code ?? null, url: response?.url ?? null,
    text: error?.message ?? '', begun: video.played.length > 0,
  });
  if (!fatal || query.get('mend') === '0') return;
  if (type === Hls.ErrorTypes.NETWORK_ERROR) hls.startLoad();
  else if (type === Hls.ErrorTypes.MEDIA_ERROR) hls.recoverMediaError();
});
hls.on(Hls.Events.LEVEL_SWITCHED, (_, { level }) => levels.push({ at: Math.round(performance.now()), height: hls.levels[level].height }));
hls.on(Hls.Events.MANIFEST_PARSED, () => video.play());
if (query.has('native')) {
  video.src = query.get('source');
  video.play();
} else {
  hls.attachMedia(video);
  hls.loadSource(query.get('source'));
}

globalThis.viewer = { hls: query.has('native') ? undefined : hls, video, errors, levels };
