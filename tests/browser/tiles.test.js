// What the tiles of the wall stream, and how they grow.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Stage } from './support/stage.js';
import { until } from './support/wait.js';

const NAMES = ['attic', 'barn', 'cellar', 'den'];

/** State, asked rendition and shown width of each tile. */
function tiles(page) {
  return page.evaluate(() => Object.fromEntries([...document.querySelectorAll('belvedere-player')].map((player) => [
    player.camera, { state: player.state, rendition: player.stats.rendition, width: player.video.videoWidth, running: player.stats.bitRate !== null },
  ])));
}

/** Has the page count the timers that come again and again. */
function countTimers() {
  const { setInterval: set, clearInterval: clear } = globalThis;
  globalThis.timers = new Set();
  globalThis.setInterval = (...args) => {
    const timer = set(...args);
    globalThis.timers.add(timer);
    return timer;
  };
  globalThis.clearInterval = (timer) => {
    globalThis.timers.delete(timer);
    clear(timer);
  };
}

async function untilTiles(page, what, ask) {
  return until(what, async () => {
    const now = await tiles(page);
    return Object.keys(now).length === NAMES.length && ask(now) && now;
  }, { within: 60_000, state: async () => JSON.stringify(await tiles(page)) });
}

test('tiles in sight stream the light rendition, and the one that is enlarged the fine one alone', async (t) => {
  const stage = new Stage(t);
  const camera = await stage.camera(['--fps', '10', '--gop', '10', '--audio', 'off']);
  const server = await stage.belvedere(NAMES.flatMap((name) => [
    '--camera', `${name}=${camera.url()}`, '--camera', `${name}/sub=${camera.url('sub')}`,
  ]));
  const { page, context, ...view } = await stage.open('about:blank');
  await context.addInitScript(countTimers);
  await page.goto(server.url);
  await page.setViewportSize({ width: 390, height: 420 });
  await untilTiles(page, 'the first tiles play their light rendition, the last rests', ({ attic, barn, den }) => (
    attic.state === 'live' && attic.width === 320 && barn.state === 'live' && den.state === 'idle' && !den.running
  ));
  await page.locator('a.tile').last().scrollIntoViewIfNeeded();
  await untilTiles(page, 'the last tile plays when it is looked at', ({ den }) => den.state === 'live' && den.rendition === 'sub');

  await page.locator('a.tile').last().focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(server.at('watch/den'));
  await untilTiles(page, 'the enlarged one shows its fine rendition, the others rest', ({ attic, barn, den }) => (
    den.state === 'live' && den.width === 640 && attic.state === 'idle' && barn.state === 'idle'
  ));
  // One of the page's own, and those of the one that plays: its beat and its figures.
  await until('nothing runs for the others', () => page.evaluate(() => globalThis.timers.size <= 3));
  await page.keyboard.press('Escape');
  await page.waitForURL(server.url);
  await untilTiles(page, 'it is small and light again', ({ den }) => den.state === 'live' && den.width === 320);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Watch Den');
  assert.deepEqual(view.complaints, []);
});
