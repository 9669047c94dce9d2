// Cameras that are not the built-in one, and servers that are not at the root.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { patiently } from '../support/starved.js';

test('a camera with one rendition and no sound is on the wall and on its page', (t) => patiently(t, async (stage) => {
  const camera = await stage.camera(['--fps', '25', '--audio', 'off']);
  const server = await stage.belvedere(['--camera', `front=${camera.url()}`]);
  const hosts = [new URL(server.url).host];
  for (const path of ['', 'watch/front']) {
    const view = await stage.open(server.at(path));
    const { video, firstFrame } = await view.untilPlaying(60_000);
    assert.deepEqual([video.width, video.height], [640, 360]);
    const figures = await view.measure(5);
    stage.tell(`/${path}`, { 'first picture after ms': firstFrame, ...figures });
    assert.ok(figures.advanced > 4.5, `${figures.advanced} s were shown in ${figures.elapsed} s`);
    assert.ok(figures.latency.median < 1, `${figures.latency.median} s behind`);
    const { stats } = await view.facts();
    assert.doesNotMatch(stats.mime, /mp4a/);
    await view.assertClean({ hosts });
  }
}));

test('telephone sound is heard, over the socket and in hls.js', (t) => patiently(t, async (stage) => {
  const camera = await stage.camera(['--fps', '25', '--audio', 'pcma', '--gop', '25']);
  const server = await stage.belvedere(['--camera', `front=${camera.url()}`]);
  const site = await stage.site();
  for (const page of [server.at('watch/front'), site.page(server.at('hls/front/index.m3u8'), {})]) {
    const view = await stage.open(page);
    await view.untilPlaying(60_000);
    const { video } = await view.facts();
    await view.until('sound is decoded', (now) => now.video.soundBytes > video.soundBytes + 5000, 30_000);
  }
}));

test('everything plays under a base path', (t) => patiently(t, async (stage) => {
  const server = await stage.configured('[server]\nbase_path = "/cams/"\n', ['--demo']);
  assert.equal(new URL(server.url).pathname, '/cams/');
  const hosts = [new URL(server.url).host];
  for (const path of ['', 'watch/demo']) {
    const view = await stage.open(server.at(path));
    const { firstFrame } = await view.untilPlaying();
    stage.tell(`/cams/${path}`, { 'first picture after ms': firstFrame });
    await view.assertClean({ hosts });
  }
  const site = await stage.site();
  const view = await stage.open(site.page(server.at('hls/demo/index.m3u8'), { mend: 0 }));
  await view.untilPlaying(60_000);
  // Whatever leads out of the base path is a 404, which hls.js reports with its status.
  const { hlsErrors } = await view.facts();
  assert.deepEqual(hlsErrors.filter(({ status }) => status !== null && status !== 200), []);
}));

test('a picture that the browser cannot decode is named, and the rest of the page lives', (t) => patiently(t, async (stage) => {
  const camera = await stage.camera(['--codec', 'h265', '--audio', 'off']);
  const server = await stage.belvedere(['--demo', '--camera', `attic=${camera.url()}`]);
  const hosts = [new URL(server.url).host];

  const watch = await stage.open(server.at('watch/attic'));
  const decodes = await watch.page.evaluate(() => MediaSource.isTypeSupported('video/mp4; codecs="hvc1.1.6.L93.B0"'));
  assert.equal(decodes, false, 'this browser decodes H.265: the test needs one that does not, as Debian\'s Chromium');
  const { reason } = await watch.until('the page says that it cannot', ({ state }) => state === 'unsupported', 60_000);
  stage.tell('watch', { reason });
  await watch.until('the codec is named', (now) => now.state === 'unsupported' && /H\.265|HEVC|hvc1/.test(now.reason));
  await watch.page.mouse.move(300, 300);
  await watch.page.locator('a.back').click({ trial: true });
  await watch.assertClean({ hosts });

  const wall = await stage.open(server.url);
  await wall.page.waitForSelector('belvedere-player[camera=attic][state=unsupported]');
  await wall.page.waitForSelector('belvedere-player[camera=demo][state=live]');
  await wall.assertClean({ hosts });
}));
