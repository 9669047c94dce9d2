// The page of one camera, fed over a WebSocket.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { delayOf } from '../support/delay.js';
import { patiently } from '../support/starved.js';

test('the watch page plays without a stall, less than a second behind', (t) => patiently(t, async (stage) => {
  const server = await stage.belvedere();
  const view = await stage.open(server.at('watch/demo'));
  const { firstFrame } = await view.untilPlaying();
  const figures = await view.measure(10);
  stage.tell('watch', { 'first picture after ms': firstFrame, ...figures });
  assert.ok(figures.advanced >= 9.5, `${figures.advanced} s were shown in ${figures.elapsed} s`);
  assert.equal(figures.stalls, 0, 'stalls');
  assert.equal(figures.waits, 0, 'times the video ran dry');
  assert.ok(figures.latency.median < 1, `${figures.latency.median} s behind the newest picture`);
  assert.ok(figures.frames > 225, `${figures.frames} pictures in 10 s of 25 a second`);
  const { stats } = await view.facts();
  assert.equal(stats.transport, 'mse');
  assert.equal(stats.reconnects, 0);

  // What the player says of itself is one thing, what the picture shows another.
  const { delay, error } = delayOf(await view.bead(100));
  stage.tell('read off the picture', { 'seconds from camera to glass': delay, error });
  assert.ok(error < 0.1, `the bead does not move as drawn: off by ${error} s`);
  assert.ok(delay > 0 && delay < 1, `the picture is ${delay} s old`);
  await view.assertClean({ hosts: [new URL(server.url).host] });
}));

test('sound comes on by a key, and the picture goes on', (t) => patiently(t, async (stage) => {
  const server = await stage.belvedere();
  const view = await stage.open(server.at('watch/demo'));
  await view.untilPlaying();
  await view.page.keyboard.press('m');
  const loud = await view.until('sound is on', ({ video }) => !video.muted && !video.paused);
  await view.until('sound is decoded', ({ video }) => video.soundBytes > loud.video.soundBytes + 5000);
  await view.untilPlaying();
  assert.match((await view.facts()).stats.mime, /mp4a/);
  await view.assertClean({ hosts: [new URL(server.url).host] });
}));

test('another rendition can be chosen while playing', (t) => patiently(t, async (stage) => {
  const server = await stage.belvedere();
  const view = await stage.open(server.at('watch/demo'));
  const { video: { width } } = await view.untilPlaying();
  await view.page.mouse.move(300, 300);
  await view.page.locator('belvedere-player select').selectOption('sub');
  const { video } = await view.until('the lighter picture', (now) => now.video.width < width && now.stats.rendition === 'sub');
  stage.tell('renditions', { before: width, after: video.width });
  await view.untilPlaying();
  assert.equal((await view.facts()).stats.reconnects, 0, 'chosen over the open connection');
  await view.assertClean({ hosts: [new URL(server.url).host] });
}));
