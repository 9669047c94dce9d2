// What a camera's playlists promise, for players that tell a page nothing of it.

import { playlistUrl } from './places.js';

/** What they say of most cameras, and a little more to be behind. */
export const USUAL = { targetDuration: 4, holdBack: 3 };

/** Seconds that a segment lasts at most, and that a player should be behind the end. Never fails. */
export async function readPromises(camera, base) {
  try {
    const [text, address] = await read(playlistUrl(camera, base));
    const first = text.split('\n').find((line) => line && !line.startsWith('#'));
    const [list] = await read(new URL(first, address).href);
    const said = (what) => Number(what.exec(list)[1]);
    return { targetDuration: said(/^#EXT-X-TARGETDURATION:(\d+)/m), holdBack: said(/[:,]PART-HOLD-BACK=([\d.]+)/) };
  } catch {
    return USUAL;
  }
}

/** Text, and where it was found. */
async function read(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.status}`);
  return [await response.text(), response.url];
}
