// The list of cameras, as the server tells it.

import { camerasUrl } from './places.js';

/** Why the list could not be had: `denied` (no permission) or `unreachable`. */
export class CamerasError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** Every camera the viewer may see. Gives up after eight seconds. */
export async function listCameras(base) {
  let response;
  try {
    response = await fetch(camerasUrl(base), { cache: 'no-store', signal: timeLimit(8000) });
  } catch {
    throw new CamerasError('unreachable', 'The server does not answer.');
  }
  if (response.status === 401 || response.status === 403) {
    throw new CamerasError('denied', 'You need permission to see these cameras.');
  }
  if (!response.ok) throw new CamerasError('unreachable', `The server answers with error ${response.status}.`);
  try {
    return (await response.json()).cameras ?? [];
  } catch {
    throw new CamerasError('unreachable', 'The server gave an answer that makes no sense.');
  }
}

function timeLimit(milliseconds) {
  const limit = new AbortController();
  setTimeout(() => limit.abort(), milliseconds);
  return limit.signal;
}

/** A picture may be drawn so many times as wide as it is before a finer one is worth its bytes. */
const STRETCH = 2.5;

/** What to show of a camera in a tile of `width` pixels: a light rendition in a small one; all of them in turn, as the
 *  connection goes, where only the best is good enough. */
export function tileRendition({ renditions = [] }, width) {
  const light = renditions.at(-1);
  if (renditions.length < 2 || !light.width) return renditions.length > 1 ? light.name : 'auto';
  return width <= light.width * STRETCH ? light.name : 'auto';
}
