// hls.js on a page of another origin: the player most web sites use.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { delayOf } from './support/delay.js';
import { Stage } from './support/stage.js';
import { Starvation } from './support/starved.js';
import { until } from './support/wait.js';

/** What a starved machine spoils is looked at again, so often in all. */
const ROUNDS = 3;

/**
 * Plays the demo camera and lets nothing pass: no error, fatal or not, and no stall. A `fresh` server has less media
 * than the hold back when hls.js comes, which then starts too close to life and may run dry once.
 */
async function playsFor(t, seconds, options) {
  for (let round = 1; ; round += 1) {
    const stage = new Stage(t);
    let starvation;
    try {
      return await playsOnce(t, stage, seconds, { ...options, watch: async (view) => { starvation = await Starvation.watch(view); } });
    } catch (error) {
      const late = await starvation?.found();
      if (!late || round === ROUNDS) throw error;
      t.diagnostic(`once more, since a timer came ${late} ms late: ${error.message}`);
    }
  }
}

async function playsOnce(t, stage, seconds, { fresh = false, watch, ...options }) {
  const server = await stage.belvedere();
  const site = await stage.site();
  if (!fresh) await untilSegments(server, 2);
  const view = await stage.open(site.page(server.at('hls/demo/index.m3u8'), { mend: 0, ...options }));
  await watch(view);
  const { firstFrame } = await view.untilPlaying();
  const figures = await view.measure(seconds);
  const { delay } = delayOf(await view.bead(100));
  const { hlsErrors } = await view.facts();
  const { holdBack, partHoldBack } = await view.page.evaluate(() => {
    const details = globalThis.viewer.hls.latestLevelDetails;
    return { holdBack: details.holdBack || 3 * details.targetduration, partHoldBack: details.partHoldBack };
  });
  // `aborted` is hls.js taking back a request of its own, as when it changes the level; nothing failed.
  const passed = fresh ? ['aborted', 'bufferStalledError', 'bufferNudgeOnStall'] : ['aborted'];
  const errors = hlsErrors.filter(({ details }) => !passed.includes(details));
  const aborted = hlsErrors.filter(({ details }) => details === 'aborted').length;
  stage.tell('hls.js', { 'first picture after ms': firstFrame, ...figures, aborted, 'read off the picture': delay, holdBack, partHoldBack });
  assert.deepEqual(errors, [], 'errors that hls.js reported');
  assert.ok(figures.advanced >= seconds - (fresh ? 1.5 : 0.5), `${figures.advanced} s were shown in ${figures.elapsed} s`);
  // One moment of waiting is no stall as long as the time above was shown: machines have moments too.
  assert.ok(figures.waits <= 1, `the video ran dry ${figures.waits} times`);
  await view.assertClean({ hosts: [new URL(server.url).host, new URL(site.url).host] });
  return { ...figures, holdBack, partHoldBack, delay };
}

/** Waits until the demo camera's playlist lists so many finished segments. */
function untilSegments(server, count) {
  const listed = async () => {
    const response = await fetch(server.at('hls/demo/main/video.m3u8'));
    return (await response.text()).match(/^#EXTINF/gm)?.length >= count;
  };
  return until(`${count} segments`, listed);
}

test('hls.js plays with low latency for 20 s without an error', async (t) => {
  const { latency, partHoldBack, delay } = await playsFor(t, 20, { low: 1, rate: 1.2 });
  assert.ok(partHoldBack > 0, 'the playlist has parts');
  assert.ok(latency.median < partHoldBack + 1, `${latency.median} s behind, at a part hold back of ${partHoldBack} s`);
  assert.ok(latency.most < partHoldBack + 3, `${latency.most} s behind at the start`);
  assert.ok(delay < partHoldBack + 1.5, `the picture is ${delay} s old`);
});

test('hls.js plays whole segments for 15 s without an error', async (t) => {
  const { latency, holdBack } = await playsFor(t, 15, { low: 0 });
  assert.ok(latency.most < holdBack + 5, `${latency.most} s behind, at a hold back of ${holdBack} s`);
});

test('hls.js joins a server that has just started without an error', async (t) => {
  await playsFor(t, 5, { fresh: true });
});
