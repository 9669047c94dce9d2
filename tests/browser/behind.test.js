// A browser's own player that starts far behind, as some of Safari's releases do. None that runs here does, and Chromium's
// does not tell where the end is: so the page's transport has a made-up one, and all else is real.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { untilSegments } from './support/hlsjs.js';
import { Stage } from './support/stage.js';

const END = 1000;

/** Gives the page a transport with a player that only says where it is. */
async function begin(page) {
  await page.evaluate(async (end) => {
    const { NativeTransport } = await import('/static/native.js');
    const video = Object.assign(new EventTarget(), {
      currentTime: 0, paused: false, readyState: 4,
      buffered: { length: 0 }, seekable: { length: 1, end: () => end },
      load() {}, removeAttribute() {}, canPlayType: () => 'maybe',
    });
    const host = { freeze() {}, play() {}, changed() {}, giveUp() {} };
    const transport = new NativeTransport(video, { camera: 'demo' }, host);
    transport.catchUp = () => (transport.catching = NativeTransport.prototype.catchUp.call(transport));
    globalThis.transport = transport;
    transport.start();
  }, END);
}

/** It begins to play, so many seconds behind; how far behind it goes on. */
function plays(page, behind) {
  return page.evaluate(async ({ end, lag }) => {
    const { transport } = globalThis;
    transport.video.currentTime = end - lag;
    transport.video.dispatchEvent(new Event('playing'));
    await transport.catching;
    return Math.round((end - transport.video.currentTime) * 1e6) / 1e6;
  }, { end: END, lag: behind });
}

test('a player of the browser\'s own that starts far behind is brought to live, once', async (t) => {
  const stage = new Stage(t);
  const server = await stage.belvedere();
  await untilSegments(server, 1);
  const { page } = await stage.open(server.at('watch/demo'));
  await begin(page);
  const jumps = () => page.evaluate(() => globalThis.transport.stats.jumps);
  const anew = async (behind) => {
    await page.evaluate(() => globalThis.transport.load());
    return plays(page, behind);
  };

  // The built-in camera: segments of up to four seconds, and a hold-back of three parts.
  assert.equal(await plays(page, 20), 1.5);
  assert.equal(await plays(page, 20), 20, 'who goes back by himself is left alone');
  assert.equal(await anew(8), 8, 'two segments are near enough');
  assert.equal(await anew(8.1), 1.5);
  assert.equal(await jumps(), 2);

  const promises = '#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.30000\n';
  await page.route('**/video.m3u8', (route) => route.fulfill({ body: promises }));
  assert.equal(await anew(19), 19, 'longer segments let it be further behind');
  assert.equal(await anew(21), 3.3);
  const wished = await page.evaluate((end) => {
    const { transport } = globalThis;
    transport.video.currentTime = end - 15;
    transport.goLive();
    return end - transport.video.currentTime;
  }, END);
  assert.ok(Math.abs(wished - 3.3) < 1e-6, `asked to, it goes as far: ${wished}`);

  await page.unroute('**/video.m3u8');
  await page.route('**/index.m3u8', (route) => route.fulfill({ status: 503, body: '' }));
  assert.equal(await anew(20), 3, 'where nothing is promised, what is usual');
  assert.equal(await jumps(), 4);

  // What was asked before the player began anew says nothing of what it plays now.
  await page.unroute('**/index.m3u8');
  const late = await page.evaluate(async (end) => {
    const { transport } = globalThis;
    transport.load();
    transport.video.currentTime = end - 20;
    transport.video.dispatchEvent(new Event('playing'));
    transport.load();
    await transport.catching;
    return end - transport.video.currentTime;
  }, END);
  assert.equal(late, 20);
});
