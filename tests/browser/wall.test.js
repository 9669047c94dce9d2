// The wall: what somebody sees who starts belvedere and opens its address.

import assert from 'node:assert/strict';
import { test } from 'node:test';

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
