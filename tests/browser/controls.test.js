// The player's controls, by keyboard, and what it does when the browser's memory is full.

import assert from 'node:assert/strict';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';

import { Stage } from './support/stage.js';
import { until } from './support/wait.js';

test('the keys do what people expect', async (t) => {
  const stage = new Stage(t);
  const server = await stage.belvedere();
  const view = await stage.open(server.at('watch/demo'));
  const { page } = view;
  await view.untilPlaying();
  const player = page.locator('belvedere-player');

  await page.keyboard.press('i');
  const figures = await player.locator('dl.overlay').innerText();
  for (const figure of ['WebSocket', 'H.264', '960 × 540', 'Latency', 'Buffered', 'Dropped frames', 'Switches']) {
    assert.ok(figures.includes(figure), `${figure} is missing in:\n${figures}`);
  }
  await page.keyboard.press('i');
  assert.equal(await player.locator('dl.overlay').isVisible(), false);

  await page.keyboard.press('ArrowDown');
  assert.equal(await page.evaluate(() => document.querySelector('belvedere-player').volume), 0.9);

  await page.keyboard.press('k');
  await view.until('it is paused', ({ state, video }) => state === 'paused' && video.paused);
  assert.equal(await player.locator('.badge b').innerText(), 'Go live');
  await page.keyboard.press('l');
  await view.untilPlaying();

  const whole = () => page.evaluate(() => document.fullscreenElement === document.querySelector('belvedere-player'));
  const full = player.locator('.full');
  await page.keyboard.press('f');
  await until('it fills the screen', async () => await whole() && await full.getAttribute('aria-label') === 'Leave full screen (f)');
  await page.keyboard.press('f');
  await until('it is in the page again', async () => !(await whole()) && await full.getAttribute('aria-label') === 'Full screen (f)');

  const apart = () => page.evaluate(() => document.pictureInPictureElement === document.querySelector('belvedere-player'));
  await page.keyboard.press('p');
  await until('it is in a window of its own', apart);
  await page.keyboard.press('p');
  await until('it is out of that window', async () => !(await apart()));

  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('s')]);
  assert.match(download.suggestedFilename(), /^demo \d{4}-\d\d-\d\d \d\d-\d\d-\d\d\.jpg$/);
  assert.ok((await stat(await download.path())).size > 5000, 'a picture');
  await view.assertClean({ hosts: [new URL(server.url).host] });
});

test('when the browser takes no more, the player makes room and goes on', async (t) => {
  const stage = new Stage(t);
  const server = await stage.belvedere();
  const view = await stage.open(server.at('watch/demo'));
  await view.untilPlaying();
  await view.page.evaluate(() => {
    const { appendBuffer } = SourceBuffer.prototype;
    let refusals = 4;
    SourceBuffer.prototype.appendBuffer = function refuse(bytes) {
      if (refusals > 0) {
        refusals -= 1;
        throw new DOMException('full', 'QuotaExceededError');
      }
      SourceBuffer.prototype.appendBuffer = appendBuffer;
      globalThis.again = true;
      return appendBuffer.call(this, bytes);
    };
  });
  await view.page.waitForFunction(() => globalThis.again);
  await view.untilPlaying();
  await view.until('less than a second behind', ({ state, stats }) => state === 'live' && stats.latency < 1);
});
