// hls.js on a page of another origin: the player most web sites use.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { delayOf } from '../support/delay.js';
import { faults, races, untilSegments } from '../support/hlsjs.js';
import { patiently } from '../support/starved.js';

/** How long the players must go on without a stall. */
const SECONDS = 60;

async function watched(view, seconds) {
  const { firstFrame } = await view.untilPlaying();
  const figures = await view.measure(seconds);
  const { hlsErrors } = await view.facts();
  const list = await view.page.evaluate(() => {
    const { holdBack, targetduration, partTarget, partHoldBack } = globalThis.viewer.hls.latestLevelDetails;
    return { holdBack: holdBack || 3 * targetduration, partTarget, partHoldBack };
  });
  return { firstFrame, ...figures, ...list, hlsErrors };
}

/** No error, fatal or not, and no stall; where timers came `late`, none but the machine's. */
function assertSmooth({ hlsErrors, advanced, elapsed, waits }, late) {
  const upset = late.length + races(hlsErrors).length > 0;
  assert.deepEqual(faults(hlsErrors, [], late), [], 'errors that hls.js reported');
  assert.ok(waits <= (upset ? 3 : 0), `the video ran dry ${waits} times`);
  assert.ok(advanced >= elapsed - (upset ? 5 : 0.5), `${advanced} s were shown in ${elapsed} s`);
}

test('hls.js plays for a minute without error and stall, with low latency and without', async (t) => {
  await patiently(t, async (stage, starvation) => {
    const server = await stage.belvedere();
    const site = await stage.site();
    await untilSegments(server, 2);
    const open = (options) => stage.open(site.page(server.at('hls/demo/index.m3u8'), { mend: 0, ...options }));
    const views = [await open({ low: 1, rate: 1.2 }), await open({ low: 0 })];
    const [low, whole] = await Promise.all(views.map((view) => watched(view, SECONDS)));
    const { delay } = delayOf(await views[0].bead(100));
    stage.tell('low latency', { ...low, hlsErrors: low.hlsErrors.length, 'read off the picture': delay });
    stage.tell('whole segments', { ...whole, hlsErrors: whole.hlsErrors.length });
    const late = await starvation.found(stage.views);
    for (const figures of [low, whole]) assertSmooth(figures, late);

    assert.ok(low.partHoldBack > 0, 'the playlist has parts');
    // After each stall hls.js stays a second further behind.
    const most = 3 * low.partTarget + 0.5 + (late.length ? 2 : 0);
    assert.ok(low.latency.median <= most, `${low.latency.median} s behind, at parts of ${low.partTarget} s`);
    assert.ok(low.latency.most < most + 3, `${low.latency.most} s behind at the start`);
    assert.ok(delay < most + 1, `the picture is ${delay} s old`);
    assert.ok(whole.latency.most < whole.holdBack + 5, `${whole.latency.most} s behind, at a hold back of ${whole.holdBack} s`);
    const hosts = [new URL(server.url).host, new URL(site.url).host];
    for (const view of views) await view.assertClean({ hosts });
  }, 2);
});

test('hls.js joins a server that has just started without an error', async (t) => {
  await patiently(t, async (stage) => {
    const server = await stage.belvedere();
    const site = await stage.site();
    const view = await stage.open(site.page(server.at('hls/demo/index.m3u8'), { mend: 0 }));
    const { hlsErrors, ...figures } = await watched(view, 6);
    stage.tell('hls.js', { ...figures, errors: hlsErrors.length });
    // There is less media than the hold back yet, so it starts too close to life, and may run dry once: until the
    // segment that it then waits for is finished. What comes piece by piece it may skip over, as long as it goes on.
    const fresh = ['bufferStalledError', 'bufferNudgeOnStall', 'bufferSeekOverHole'];
    assert.deepEqual(faults(hlsErrors, fresh), [], 'errors that hls.js reported');
    assert.ok(figures.waits <= 2, `the video ran dry ${figures.waits} times`);
    assert.ok(figures.advanced >= 3, `${figures.advanced} s were shown in ${figures.elapsed} s`);
    await view.assertClean({ hosts: [new URL(server.url).host, new URL(site.url).host] });
  });
});
