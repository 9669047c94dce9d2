// A camera with H.265 in its main rendition and H.264 in its sub: each browser gets what it can decode.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chromium } from './support/engines/chromium.js';
import { Firefox } from './support/engines/firefox.js';
import { WebKit } from './support/engines/webkit.js';
import { Sight } from './support/sight.js';
import { Stage } from './support/stage.js';

// Debian's Firefox and WebKit decode H.265, its Chromium does not.
const EXPECTED = new Map([[Chromium, 'sub'], [Firefox, 'main'], [WebKit, 'main']]);

test('H.265 is played where it can be, and the lighter H.264 elsewhere', async (t) => {
  const stage = new Stage(t);
  const common = ['--fps', '15', '--gop', '15', '--audio', 'off'];
  const fine = await stage.camera(['--codec', 'h265', '--size', '480x270', ...common]);
  const light = await stage.camera(['--size', '320x180', ...common]);
  const server = await stage.belvedere(['--camera', `front=${fine.url()}`, '--camera', `front/sub=${light.url()}`]);
  for (const [Engine, rendition] of EXPECTED) {
    const engine = await stage.engine(Engine);
    const tab = await stage.tab(engine, server.at('watch/front'));
    const sight = new Sight(tab);
    const { stats, width } = await sight.untilLive(`${engine.name} plays`);
    stage.tell(engine.name, { rendition: stats.rendition, width, mime: stats.mime, why: stats.why });
    assert.equal(stats.rendition, rendition, engine.name);
    assert.equal(width, rendition === 'main' ? 480 : 320, engine.name);
    await engine.close();
  }
});
