// Where one way to the camera is blocked, the next one is taken.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chromium } from './support/engines/chromium.js';
import { Sight } from './support/sight.js';
import { Stage } from './support/stage.js';

const SOCKETS = /^upgrade: *websocket/im;
const SOCKETS_AND_STREAMS = /^upgrade: *websocket|^get \S*\/live\.mp4/im;

test('without sockets the feed comes over HTTP, without streams it is HLS', async (t) => {
  const stage = new Stage(t);
  const server = await stage.belvedere();
  const engine = await stage.engine(Chromium);
  for (const [forbidden, transport] of [[SOCKETS, 'fetch'], [SOCKETS_AND_STREAMS, 'hls']]) {
    const wall = await stage.firewall(server.port, forbidden);
    const tab = await stage.tab(engine, `${wall.url}watch/demo`);
    const sight = new Sight(tab);
    const { took, stats, time } = await sight.until(`live by ${transport}`, (now) => now.state === 'live' && now.stats.transport === transport);
    await sight.until('the picture moves', (now) => now.state === 'live' && now.time > time + 1);
    stage.tell(transport, { 'after s': took, latency: stats.latency });
    if (transport === 'fetch') await sight.untilLive();
    await tab.close();
  }
});

test('a stream over HTTP goes on with the lighter rendition while its line is narrow, and the picture never goes', async (t) => {
  const stage = new Stage(t);
  const server = await stage.belvedere();
  const line = await stage.line(server.port);
  const engine = await stage.engine(Chromium);
  const tab = await stage.tab(engine, `${line.url}watch/demo?transport=fetch`);
  const sight = new Sight(tab);
  await sight.until('live by fetch', ({ state, stats, width }) => state === 'live' && stats.transport === 'fetch' && width === 960);
  await sight.untilLive();
  await sight.watchPicture();
  line.narrow(180_000);
  const narrowed = performance.now();
  const low = await sight.until('the lighter picture', ({ state, width, stats }) => state === 'live' && width === 320 && stats.rendition === 'sub' && stats.switches === 1);
  stage.tell('narrow', { 'lighter after s': (performance.now() - narrowed) / 1000, why: low.stats.why });
  assert.match(low.stats.why, /too slow for main/);
  await sight.untilLive('live on the narrow line');
  line.narrow(0);
  const widened = performance.now();
  await sight.until('the fine picture again', ({ state, width, stats }) => state === 'live' && width === 960 && !stats.why);
  stage.tell('wide', { 'fine again after s': (performance.now() - widened) / 1000 });
  await sight.untilLive();
  assert.equal((await sight.seen()).blank, 0, 'times the player was blank');
});
