// The media source of iPhones, which WebKit has on other systems too.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WebKit } from './support/engines/webkit.js';
import { Stage } from './support/stage.js';
import { lasting } from './support/wait.js';

test('a managed source plays beside HLS for other screens, and is sent nothing while it wants nothing', async (t) => {
  const stage = new Stage(t);
  const { server, tab, sight } = await stage.viewer(WebKit);
  const remote = () => tab.evaluate(() => {
    const { video } = document.querySelector('belvedere-player');
    return { sources: [...video.querySelectorAll('source')].map(({ src }) => src), disabled: video.disableRemotePlayback };
  });
  assert.deepEqual(await remote(), { sources: [], disabled: true }, 'this WebKit plays no HLS that could be offered');

  // The player begins anew with a source that a test can speak for, and in a browser that says it plays HLS, as Safari.
  await tab.evaluate(() => {
    const Managed = globalThis.ManagedMediaSource;
    globalThis.ManagedMediaSource = class extends Managed {
      constructor() {
        super();
        globalThis.source = this;
      }
    };
    HTMLMediaElement.prototype.canPlayType = () => 'maybe';
    document.querySelector('belvedere-player').transport = 'mse';
  });
  await sight.untilLive();
  const { sources: [here, ...elsewhere], disabled } = await remote();
  assert.match(here, /^blob:/, 'the picture itself');
  assert.deepEqual(elsewhere, [server.at('hls/demo/index.m3u8')], 'what AirPlay and full screen are offered');
  assert.equal(disabled, false);

  await tab.evaluate(() => globalThis.source.dispatchEvent(new Event('endstreaming')));
  await lasting(1); // what is on its way still comes
  const before = await sight.facts();
  await lasting(2);
  const after = await sight.facts();
  const bytes = after.stats.bytes - before.stats.bytes;
  assert.ok(bytes < 10_000, `${bytes} bytes came to a source that wants none`);
  await tab.evaluate(() => globalThis.source.dispatchEvent(new Event('startstreaming')));
  const { stats } = await sight.untilLive();
  assert.equal(stats.reconnects, before.stats.reconnects, 'it goes on over the open socket');
});
