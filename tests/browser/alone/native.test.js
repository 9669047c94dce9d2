// HLS without any script: the browser's own player, which Chromium has by now, as Safari always had.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { untilSegments } from '../support/hlsjs.js';
import { patiently } from '../support/starved.js';

test('Chromium plays HLS by itself', async (t) => {
  await patiently(t, async (stage) => {
    const server = await stage.belvedere();
    const site = await stage.site();
    await untilSegments(server, 3);
    const view = await stage.open(site.page(server.at('hls/demo/index.m3u8'), { native: '' }));
    const answer = await view.page.evaluate(() => document.querySelector('video').canPlayType('application/vnd.apple.mpegurl'));
    assert.equal(answer, 'maybe', 'this Chromium has no HLS of its own: the test needs one that has, as Debian\'s from 142 on');
    const { firstFrame, video } = await view.untilPlaying();
    const figures = await view.measure(10);
    const { video: after } = await view.facts();
    stage.tell('native', { 'first picture after ms': firstFrame, size: `${video.width}x${video.height}`, ...figures });
    assert.equal(after.error, undefined);
    // It knows no parts and waits for whole segments, and may run dry once until it has found its distance.
    assert.ok(figures.advanced >= 7.5, `${figures.advanced} s were shown in ${figures.elapsed} s`);
    assert.ok(figures.waits <= 1, `the video ran dry ${figures.waits} times`);
    await view.assertClean({ hosts: [new URL(server.url).host, new URL(site.url).host] });
  });
});
