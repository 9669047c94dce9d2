// From one rendition to the other over the open socket: nobody sees more of it than a finer or a coarser picture.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chromium } from './support/engines/chromium.js';
import { Firefox } from './support/engines/firefox.js';
import { WebKit } from './support/engines/webkit.js';
import { Stage } from './support/stage.js';

for (const Engine of [Chromium, Firefox, WebKit]) {
  test(`in ${Engine.name} a change of the rendition leaves no moment blank and shows nothing twice`, async (t) => {
    const stage = new Stage(t);
    const { tab, sight } = await stage.viewer(Engine);
    await sight.watchPicture();
    for (const [rendition, lines] of [['sub', 180], ['main', 540]]) {
      await tab.evaluate((name) => { document.querySelector('belvedere-player').rendition = name; }, rendition);
      const { took } = await sight.until(`the picture of ${rendition}`, ({ state, height, stats }) => (
        state === 'live' && height === lines && stats.rendition === rendition
      ));
      stage.tell(rendition, { 'after s': took });
      await sight.untilLive();
    }
    const { stats: { switches, reconnects } } = await sight.facts();
    assert.deepEqual({ switches, reconnects, ...await sight.seen() }, { switches: 2, reconnects: 0, blank: 0, backwards: [] });
  });
}
