// What this browser can decode, and what to call it.

/** The class to build a media source with, or null where there is none. The managed one saves power where there are both. */
export function mediaSourceClass() {
  return globalThis.ManagedMediaSource ?? globalThis.MediaSource ?? null;
}

export function isManaged(source) {
  return typeof ManagedMediaSource !== 'undefined' && source instanceof ManagedMediaSource;
}

/** WebKit chokes on many small appends and on changes of the playback rate. */
export function isWebKit(agent = navigator.userAgent) {
  return /AppleWebKit/.test(agent) && !/Chrome|Chromium|Edg\//.test(agent);
}

export function playsHlsNatively(video) {
  return video.canPlayType('application/vnd.apple.mpegurl') !== '';
}

// Cameras write baseline, main and high in several ways; the server compares what it has with this list.
const AVC_PROFILES = ['42e0', '42c0', '4200', '4d40', '4d00', '6400', '640c'];
const AVC_LEVELS = ['1e', '1f', '20', '28', '29', '2a', '32', '33', '34'];
const HEVC_PROFILES = ['hvc1.1.6', 'hvc1.2.4'];
const HEVC_LEVELS = [90, 93, 120, 123, 150, 153, 156, 180, 183, 186];
const SOUND = ['mp4a.40.2', 'mp4a.40.5', 'flac', 'fLaC', 'opus', 'Opus'];

/** Each list holds one codec in all its levels, or one sound. */
function candidates() {
  const avc = AVC_PROFILES.map((profile) => AVC_LEVELS.map((level) => `avc1.${profile}${level}`));
  const hevc = HEVC_PROFILES.map((profile) => HEVC_LEVELS.map((level) => `${profile}.L${level}.B0`));
  return [...avc, ...hevc, ...SOUND.map((sound) => [sound])];
}

/** The codecs to offer to the server, of those a camera may send: each once, since the server does not look at levels. */
export function playableCodecs(supports = supportedByMediaSource) {
  const plays = (codec) => supports(`video/mp4; codecs="${codec}"`);
  return candidates().map((levels) => levels.find(plays)).filter(Boolean);
}

export function supportedByMediaSource(mime) {
  return mediaSourceClass()?.isTypeSupported(mime) ?? false;
}

/** The same type in a spelling this browser takes, or null. FLAC in MP4 is written in two ways. */
export function spelledForBrowser(mime, supports = supportedByMediaSource) {
  const spellings = [mime, mime.replace('fLaC', 'flac'), mime.replace('flac', 'fLaC')];
  return spellings.find(supports) ?? null;
}

export function codecsOf(mime) {
  return listed(/codecs="?([^"]*)"?/.exec(mime)?.[1]);
}

function listed(text) {
  return (text ?? '').split(',').map((codec) => codec.trim()).filter(Boolean);
}

export function hasSound(mime) {
  return codecsOf(mime).some((codec) => /^(mp4a|flac|opus|ac-3|ec-3)/i.test(codec));
}

const NAMES = [
  [/^(hvc1|hev1)/, 'H.265'], [/^(avc1|avc3)/, 'H.264'], [/^av01/, 'AV1'], [/^vp09/, 'VP9'], [/^mjpg|^jpeg/i, 'Motion JPEG'],
  [/^mp4v/, 'MPEG-4 video'], [/^mp4a/, 'AAC'], [/^flac/i, 'FLAC'], [/^opus/i, 'Opus'],
];

/** `H.265 (hvc1.1.6.L120.90)` */
export function codecName(codec) {
  const name = NAMES.find(([pattern]) => pattern.test(codec))?.[1];
  return name ? `${name} (${codec})` : codec;
}

/** The names of those codecs that cannot be played; of all, when only their combination fails. */
function unplayable(codecs, supports = supportedByMediaSource) {
  const failing = codecs.filter((codec) => !spelledForBrowser(`video/mp4; codecs="${codec}"`, supports));
  return (failing.length ? failing : codecs).map(codecName).join(', ');
}

/** The sentence for codecs that this browser cannot play. */
export function cannotPlay(codecs, supports = supportedByMediaSource) {
  return `The camera sends ${unplayable(codecs, supports)}, which this browser cannot play.`;
}

/** True when this browser plays the rendition's picture; its sound may be left out. Unknown codecs may be playable. */
export function playsRendition({ codecs }, supports = supportedByMediaSource) {
  const [picture] = listed(codecs);
  return !picture || spelledForBrowser(`video/mp4; codecs="${picture}"`, supports) !== null;
}

/** Why the wanted rendition of a camera, as the server lists it, cannot be played here, and which could; null when the
 *  server knows no codecs or all can be played. */
export function whyUnplayable({ renditions = [] }, wanted, supports = supportedByMediaSource) {
  const known = renditions.filter(({ codecs }) => codecs);
  const plays = (rendition) => playsRendition(rendition, supports);
  const asked = known.filter(({ name }) => name === wanted);
  const failing = (asked.length ? asked : known).filter((rendition) => !plays(rendition));
  if (!failing.length) return null;
  const sentence = cannotPlay([...new Set(failing.map(({ codecs }) => listed(codecs)[0]))], supports);
  const others = known.filter(plays).map(({ name }) => `“${name}”`);
  return others.length ? `${sentence} It can play the rendition ${others.join(' or ')}.` : sentence;
}
