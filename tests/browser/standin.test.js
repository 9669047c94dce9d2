// One rendition of a camera goes away while hls.js plays it, and the other one stands in.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { faults } from './support/hlsjs.js';
import { patiently } from './support/starved.js';
import { until } from './support/wait.js';

/** What a rendition that is refused, and the change to another one, make hls.js say. */
const CHANGE = ['levelLoadError', 'bufferStalledError', 'bufferNudgeOnStall', 'bufferSeekOverHole'];
const REFUSED = /503 \(Service Unavailable\)/;

/** Waits until the multivariant playlist has so many variants. */
function untilVariants(server, count) {
  const listed = async () => {
    const response = await fetch(server.at('hls/door/index.m3u8'));
    return response.ok && (await response.text()).match(/^#EXT-X-STREAM-INF/gm)?.length === count;
  };
  return until(`${count} variants`, listed, { within: 60_000 });
}

/** What is seen and heard of a camera with these options for its sub, when its main goes away and comes back. */
const goesAway = (subOptions) => (t) => patiently(t, async (stage) => {
  // The streams of two cameras as renditions of one, so that each can go alone.
  const [main, sub] = await Promise.all([stage.camera(), stage.camera(subOptions)]);
  const server = await stage.configured([['main', main], ['sub', sub]].map(([name, camera]) => (
    `[cameras.door.renditions.${name}]\nsource = "${camera.url(name)}"\n`)).join(''));
  const site = await stage.site();
  await untilVariants(server, 2);
  // It begins with main: what it makes of a line that it takes for slow is not asked here.
  const view = await stage.open(site.page(server.at('hls/door/index.m3u8'), { mend: 0, estimate: 5_000_000 }));
  await view.untilPlaying();
  const shows = (height) => view.until(`${height} lines`, ({ video }) => video?.height === height);
  const { video: before } = await shows(360);

  const died = performance.now();
  await main.kill();
  // It may have been about to change by itself, or may try main once more: what counts is what follows on all that it
  // had in store.
  const stored = await view.page.evaluate(() => viewer.video.buffered.end(viewer.video.buffered.length - 1));
  const { video: changed } = await shows(180);
  await view.until('the picture of sub goes on', ({ video }) => video.height === 180 && video.time > stored + 2);
  const seconds = (performance.now() - died) / 1000;
  const watched = await view.measure(6);
  const { video: after, hlsErrors, waits } = await view.facts();
  stage.tell('without main', { 'sub after s': seconds, ...watched, waits: waits.length, 'bytes of sound': after.soundBytes - changed.soundBytes });
  stage.t.diagnostic(`errors of hls.js: ${hlsErrors.map(({ at, details, status }) => `${at} ${details} ${status ?? ''}`).join('; ')}`);
  assert.ok(changed.time > before.time, `${changed.time} s follow ${before.time} s`);
  assert.ok(seconds < 15, `sub is shown after ${seconds} s`);
  assert.ok(watched.advanced > 5, `${watched.advanced} s were shown in ${watched.elapsed} s`);
  assert.ok(after.soundBytes > changed.soundBytes, 'sound is heard');
  assert.equal(after.height, 180);
  // The list of sound is one for both, and goes on.
  assert.deepEqual(hlsErrors.filter(({ details }) => details.startsWith('audio')), [], 'errors of its sound');

  await main.startAgain();
  await untilVariants(server, 2);
  const back = await view.measure(8);
  const { hlsErrors: all, video } = await view.facts();
  stage.tell('with main again', { ...back, height: video.height });
  assert.ok(back.advanced > 6, `${back.advanced} s were shown in ${back.elapsed} s`);
  assert.ok(video.soundBytes > after.soundBytes, 'sound is heard');
  assert.deepEqual(faults(all, CHANGE), [], 'errors that hls.js reported');
  await view.assertClean({ hosts: [new URL(server.url).host, new URL(site.url).host], allowed: REFUSED });
});

test('where main goes away, picture and sound go on with sub, and main may come back', goesAway([]));
test('where main goes away with the only sound, the picture of sub goes on beside silence', goesAway(['--audio', 'off']));
