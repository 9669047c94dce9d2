// The wall: what somebody sees who starts belvedere and opens its address.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Stage } from './support/stage.js';
import { patiently } from './support/starved.js';

test('the wall shows a moving picture within three seconds', (t) => patiently(t, async (stage) => {
  const server = await stage.belvedere();
  const view = await stage.open(server.url);
  const { firstFrame, video } = await view.untilPlaying();
  stage.tell('wall', { 'first picture after ms': firstFrame, size: `${video.width}x${video.height}` });
  assert.ok(firstFrame < 3000, `the first picture came ${firstFrame} ms after the page's start`);
  assert.ok(video.muted && video.playsInline, 'browsers play by themselves only what is muted and inline');
  const figures = await view.measure(5);
  stage.tell('5 s', figures);
  assert.ok(figures.advanced > 4.5, `${figures.advanced} s were shown in ${figures.elapsed} s`);
  assert.ok(figures.frames > 100, `${figures.frames} pictures in 5 s of 25 a second`);
  const { video: { soundBytes } } = await view.until('sound is decoded', (now) => now.video.soundBytes > video.soundBytes);
  assert.ok(soundBytes > 0);
  await view.assertClean({ hosts: [new URL(server.url).host] });
}));

test('a tile leads to the page of its camera, and back', (t) => patiently(t, async (stage) => {
  const server = await stage.belvedere();
  const { page, ...view } = await stage.open(server.url);
  await page.locator('a.tile').click();
  await page.waitForURL(server.at('watch/demo'));
  await page.waitForSelector('belvedere-player[state=live]');
  await page.locator('a.back').click();
  await page.waitForURL(server.url);
  await page.waitForSelector('belvedere-player[state=live]');
  assert.deepEqual(view.complaints, []);
}));

test('a wall of many on a phone: each tile says what it is and what is the matter, by sight, by pointer and by voice', async (t) => {
  const stage = new Stage(t);
  const names = Array.from({ length: 36 }, (_, place) => `cam${place + 1}`);
  // Nobody listens on the port of nothing.
  const server = await stage.belvedere(names.flatMap((name) => ['--camera', `${name}=rtsp://127.0.0.1:9/none`]));
  const { page } = await stage.open(server.url);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForFunction(() => document.querySelector('a.tile belvedere-player')?.state === 'offline');
  const tile = page.locator('a.tile').first();
  assert.match(await tile.getAttribute('title'), /^Camera offline: .+\.$/);
  assert.equal(await tile.getAttribute('aria-label'), 'Watch Cam1');
  const crossed = await page.evaluate(() => [...document.querySelectorAll('a.tile belvedere-player')].filter((player) => {
    const box = (part) => player.shadowRoot.querySelector(part).getBoundingClientRect();
    const [name, message] = [box('.title'), box('.words')];
    return message.height > 0 && message.bottom > name.top + 2;
  }).length);
  assert.equal(crossed, 0, 'tiles whose message runs into their name');
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.equal(wide, false, 'the wall is wider than the phone');
});
