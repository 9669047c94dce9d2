// A camera that sends a key frame every ten seconds.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chromium } from '../support/engines/chromium.js';
import { Sight } from '../support/sight.js';
import { Stage } from '../support/stage.js';
import { lasting } from '../support/wait.js';

test('a GOP of ten seconds leaves nobody behind, neither at the start nor when the past is thrown away', async (t) => {
  const stage = new Stage(t);
  const camera = await stage.camera(['--fps', '25', '--gop', '250', '--audio', 'off']);
  const server = await stage.belvedere(['--camera', `front=${camera.url()}`]);
  const ready = performance.now();
  const engine = await stage.engine(Chromium);
  await lasting(Math.max(0, 6 - (performance.now() - ready) / 1000)); // somewhere in the middle of a GOP
  const sight = new Sight(await stage.tab(engine, server.at('watch/front')));
  const joined = await sight.untilLive();
  stage.tell('joined', { 'after s': joined.took, age: joined.age });
  await lasting(15);
  const { stats } = await sight.untilLive();
  stage.tell('15 s later', { latency: stats.latency, stalls: stats.stalls, jumps: stats.jumps, reconnects: stats.reconnects });
  assert.equal(stats.reconnects, 0, 'the player started over');
});
