// Where things are. Every address follows from where this module was loaded, so any base path works.

/** The server's base: this module is served at `{base}static/places.js`. */
export const BASE = new URL('../', import.meta.url).href;

/** A page of ours that is opened with an access token in its address hands the token on to everything it asks for. What
 *  stands in the address of a page of somebody else that shows a player is none of ours. */
const TOKEN = tokenOf(globalThis.location);

function tokenOf(page) {
  if (!page?.href.startsWith(BASE)) return null;
  const ours = /^(watch\/|[?#]|$)/.test(page.href.slice(BASE.length));
  return ours ? new URLSearchParams(page.search).get('token') : null;
}

function place(path, base, query = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    if (value) url.searchParams.set(name, value);
  }
  if (TOKEN) url.searchParams.set('token', TOKEN);
  return url;
}

export function camerasUrl(base = BASE) {
  return place('api/v1/cameras', base).href;
}

export function watchUrl(camera, base = BASE) {
  return place(`watch/${encodeURIComponent(camera)}`, base).href;
}

export function playlistUrl(camera, base = BASE) {
  return place(`hls/${encodeURIComponent(camera)}/index.m3u8`, base).href;
}

export function liveUrl(camera, query, base = BASE) {
  return place(`mp4/${encodeURIComponent(camera)}/live.mp4`, base, query).href;
}

export function feedUrl(camera, query, base = BASE) {
  const url = place(`mse/${encodeURIComponent(camera)}`, base, query);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** The camera a watch page is about: `{base}watch/{camera}`. */
export function cameraOfPage(location = globalThis.location) {
  const names = location.pathname.split('/').filter(Boolean);
  const at = names.lastIndexOf('watch');
  return at >= 0 && names[at + 1] ? decodeURIComponent(names[at + 1]) : '';
}
