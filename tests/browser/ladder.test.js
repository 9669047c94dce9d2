// Where one way to the camera is blocked, the next one is taken.

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
