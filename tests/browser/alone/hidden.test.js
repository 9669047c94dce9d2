// A tab that nobody looks at for a while.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Chromium } from '../support/engines/chromium.js';
import { Firefox } from '../support/engines/firefox.js';
import { WebKit } from '../support/engines/webkit.js';
import { Stage } from '../support/stage.js';

/** Seconds from the moment when somebody looks again to a picture that is no older. */
const LIMIT = 1;
/** So many times the tab is left; the best counts, since a machine that stalls tells nothing of the player. */
const LOOKS = 3;

for (const Engine of [Chromium, Firefox, WebKit]) {
  test(`${Engine.name} takes nothing for a tab out of sight, and is live within a second when it is back`, async (t) => {
    const stage = new Stage(t);
    const { engine, tab, sight } = await stage.viewer(Engine);
    await sight.timeReturns();
    const returns = [];
    while (returns.length < LOOKS && !returns.some((seconds) => seconds <= LIMIT)) {
      await tab.turnAway();
      const { stats: { bytes } } = await sight.until('it rests', ({ hidden, state }) => hidden && state === 'idle');
      assert.equal((await sight.facts()).stats.bytes, bytes, 'bytes after the feed was let go');
      await tab.turnBack();
      returns.push(await sight.returned());
    }
    t.diagnostic(`${engine.name}: seconds from the first look to a new picture: ${returns.join(', ')}`);
    assert.ok(Math.min(...returns) <= LIMIT, `at best ${Math.min(...returns)} s`);
  });
}
