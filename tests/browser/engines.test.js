// One viewer in each of three browser engines, through all that lines, servers, cameras and people do.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chromium } from './support/engines/chromium.js';
import { Firefox } from './support/engines/firefox.js';
import { WebKit } from './support/engines/webkit.js';
import { Sight } from './support/sight.js';
import { Stage } from './support/stage.js';
import { lasting } from './support/wait.js';

const FREEZE = 10;

for (const Engine of [Chromium, Firefox, WebKit]) {
  test(`${Engine.name} stays live through all that happens`, async (t) => {
    const stage = new Stage(t);
    const camera = await stage.camera(['--fps', '25', '--gop', '25']);
    const server = await stage.belvedere(['--camera', `front=${camera.url()}`]);
    const line = await stage.line(server.port);
    const engine = await stage.engine(Engine);
    const tab = await stage.tab(engine, `${line.url}watch/front`);
    const sight = new Sight(tab);
    const told = (what, { took, age, stats }) => stage.tell(what, { 'after s': took, age, latency: stats.latency, stalls: stats.stalls, jumps: stats.jumps });

    told('plays', await sight.untilLive());
    await sight.watchPicture();

    line.hold();
    const frozen = performance.now();
    await sight.until('it notices that nothing comes', ({ state }) => state !== 'live');
    await lasting(FREEZE - (performance.now() - frozen) / 1000);
    line.release();
    told('after a freeze of the line', await sight.untilLive());

    await server.stop();
    await sight.until('it notices that the server is gone', ({ state }) => state !== 'live');
    await server.startAgain();
    told('after a restart of the server', await sight.untilLive());

    await camera.kill();
    await sight.until('it notices that the camera is gone', ({ state }) => state !== 'live');
    await camera.startAgain();
    told('after a restart of the camera', await sight.untilLive());

    await camera.kill();
    camera.options.push('--size', '480x270');
    await camera.startAgain();
    await sight.until('the new picture', ({ state, width }) => state === 'live' && width === 480);
    told('after a change of the resolution', await sight.untilLive());

    await tab.turnAway();
    await sight.until('it rests while nobody sees it', ({ hidden, state }) => hidden && state === 'idle');
    await tab.turnBack();
    told('after a rest out of sight', await sight.untilLive());

    assert.equal((await sight.seen()).blank, 0, 'times the player was blank');
    assert.deepEqual(tab.complaints.filter((text) => !/WebSocket|Failed to load|ERR_|establish a connection/.test(text)), []);
  });
}
