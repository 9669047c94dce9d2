// Cameras, servers and lines fail and come back. Pages go on by themselves.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { delayOf } from './support/delay.js';
import { patiently } from './support/starved.js';
import { lasting } from './support/wait.js';

/** Complaints of Chromium itself about connections that a test breaks. */
const CONNECTIONS = /WebSocket connection to|Failed to load resource|ERR_/;
/** The player keeps more in hand for a while after pictures came unevenly, and then comes closer again. */
const CLOSE = ({ state, stats }) => state === 'live' && stats.latency < 1;

test('a camera that dies and comes back is shown again without a reload', (t) => patiently(t, async (stage) => {
  const camera = await stage.camera();
  const server = await stage.belvedere(['--camera', `front=${camera.url()}`]);
  const site = await stage.site();
  const watch = await stage.open(server.at('watch/front'));
  const hls = await stage.open(site.page(server.at('hls/front/index.m3u8')));
  await Promise.all([watch.untilPlaying(60_000), hls.untilPlaying(60_000)]);

  const died = performance.now();
  await camera.kill();
  const { reason, state } = await watch.until('the page says that the camera is away', (now) => now.state === 'offline');
  stage.tell('outage', { 'said after s': (performance.now() - died) / 1000, state, reason });
  await lasting(6 - (performance.now() - died) / 1000);
  const during = await hls.facts();
  await camera.startAgain();
  const back = performance.now();
  const seconds = () => (performance.now() - back) / 1000;

  const watched = watch.until('the page is live again', (now) => now.state === 'live', 60_000)
    .then(async () => { await watch.untilPlaying(); return seconds(); });
  const played = hls.until('hls.js shows new pictures', (now) => now.frames > during.frames + 50, 45_000).then(seconds);
  // Each has its turn, whatever becomes of the other.
  const [watchAgain, hlsAgain] = await Promise.allSettled([watched, played]);
  const { hlsErrors } = await hls.facts();
  const { states, stats } = await watch.facts();
  stage.tell('after the outage', {
    'watch live again after s': watchAgain.value, 'hls.js again after s': hlsAgain.value,
    'reconnects of the page': stats.reconnects, stalls: stats.stalls, jumps: stats.jumps,
    'errors of hls.js': hlsErrors.length, 'fatal ones': hlsErrors.filter(({ fatal }) => fatal).length,
  });
  stage.t.diagnostic(`errors: ${hlsErrors.map(({ at, details, fatal, status }) => `${at} ${details}${status ? ` ${status}` : ''}${fatal ? ' FATAL' : ''}`).join('; ')}`);
  stage.t.diagnostic(`states: ${states.map(({ at, state: name }) => `${at} ${name}`).join('; ')}`);
  if (watchAgain.reason) throw watchAgain.reason;
  if (hlsAgain.reason) throw hlsAgain.reason;
  const after = await hls.measure(5);
  stage.tell('hls.js after the outage', after);
  assert.ok(after.advanced > 4, `hls.js showed ${after.advanced} s in ${after.elapsed} s`);
  await watch.assertClean({ hosts: [new URL(server.url).host] });
  await hls.assertClean({ hosts: [new URL(server.url).host, new URL(site.url).host], allowed: CONNECTIONS });
}));

test('a page outlives a restart of the server', (t) => patiently(t, async (stage) => {
  const started = performance.now();
  const server = await stage.belvedere();
  const site = await stage.site();
  const watch = await stage.open(server.at('watch/demo'));
  const wall = await stage.open(server.url);
  const hls = await stage.open(site.page(server.at('hls/demo/index.m3u8')));
  await Promise.all([watch.untilPlaying(), wall.untilPlaying(), hls.untilPlaying(60_000)]);
  const ran = (performance.now() - started) / 1000;
  await server.stop();
  await watch.until('the page notices', ({ state }) => state !== 'live');
  await wall.until('the tile notices', ({ state }) => state !== 'live');
  await server.startAgain();
  const back = performance.now();
  const before = await hls.facts();
  const watched = watch.untilPlaying(60_000).then(() => (performance.now() - back) / 1000);
  const walled = wall.untilPlaying(60_000).then(() => (performance.now() - back) / 1000);
  // Where the discontinuity number is that of the run before, hls.js takes the new media to be as much later as that
  // run was long, since media sequence numbers jump, and waits until it is.
  const patience = 60_000 + ran * 1000;
  const played = hls.until('hls.js shows new pictures', ({ frames }) => frames > before.frames + 50, patience)
    .then(() => (performance.now() - back) / 1000);
  const [onWatch, onWall, onHls] = await Promise.allSettled([watched, walled, played]);
  const { hlsErrors } = await hls.facts();
  stage.tell('seconds after the restart', { watch: onWatch.value, wall: onWall.value, 'hls.js': onHls.value });
  stage.t.diagnostic(`errors of hls.js: ${hlsErrors.map(({ at, details, fatal, status }) => `${at} ${details}${status ? ` ${status}` : ''}${fatal ? ' FATAL' : ''}`).join('; ')}`);
  for (const { reason } of [onWatch, onWall, onHls]) if (reason) throw reason;
  stage.tell('watch', await watch.measure(3));
  await watch.until('less than a second behind', CLOSE, 60_000);
  const hosts = [new URL(server.url).host];
  await watch.assertClean({ hosts, allowed: CONNECTIONS });
  await wall.assertClean({ hosts, allowed: CONNECTIONS });
}));

test('a page outlives a cut line', (t) => patiently(t, async (stage) => {
  const server = await stage.belvedere();
  const line = await stage.line(server.port);
  const view = await stage.open(`${line.url}watch/demo`);
  await view.untilPlaying();
  line.cut();
  await view.until('the page notices', ({ state }) => state !== 'live');
  line.mend();
  const mended = performance.now();
  await view.untilPlaying(60_000);
  const { stats } = await view.facts();
  stage.tell('after the cut', { 'live again after s': (performance.now() - mended) / 1000, ...stats });
  assert.ok(stats.reconnects >= 1);
  stage.tell('watch', await view.measure(3));
  await view.until('less than a second behind', CLOSE, 60_000);
  await view.assertClean({ hosts: [new URL(line.url).host], allowed: CONNECTIONS });
}));

test('a hiccup of the line is over before anybody is told of it', (t) => patiently(t, async (stage) => {
  const server = await stage.belvedere();
  const line = await stage.line(server.port);
  const view = await stage.open(`${line.url}watch/demo`);
  await view.untilPlaying();
  line.cut();
  line.mend();
  await view.until('another connection', ({ stats }) => stats.reconnects === 1);
  await view.untilPlaying();
  const mended = performance.now();
  stage.tell('after the hiccup', await view.measure(3));
  const { states } = await view.until('less than a second behind', CLOSE, 60_000);
  stage.tell('less than a second behind', { 'after s': (performance.now() - mended) / 1000 });
  assert.deepEqual(states.map(({ state }) => state).filter((state) => !['connecting', 'live'].includes(state)), []);
}));

test('after a silence of the line the page is at the newest picture again', (t) => patiently(t, async (stage) => {
  const server = await stage.belvedere();
  const line = await stage.line(server.port);
  const view = await stage.open(`${line.url}watch/demo`);
  await view.untilPlaying();
  line.hold();
  await view.until('the page says that no pictures come', ({ state }) => state !== 'live');
  await lasting(4);
  line.release();
  const released = performance.now();
  await view.until('live at the newest picture', CLOSE, 60_000);
  stage.tell('after the silence', { 'at the live edge after s': (performance.now() - released) / 1000 });
  const { delay } = delayOf(await view.bead(60));
  stage.tell('read off the picture', { delay });
  assert.ok(delay < 1.2, `the picture is ${delay} s old`);
}));

test('a page that stood still, as when a lid is closed, is live again by itself', (t) => patiently(t, async (stage) => {
  const server = await stage.belvedere();
  const view = await stage.open(server.at('watch/demo'));
  await view.untilPlaying();
  const browser = await view.context.newCDPSession(view.page);
  await browser.send('Page.setWebLifecycleState', { state: 'frozen' });
  await lasting(20);
  await browser.send('Page.setWebLifecycleState', { state: 'active' });
  const woken = performance.now();
  await view.untilPlaying();
  await view.until('live at the newest picture', CLOSE, 60_000);
  const { delay } = delayOf(await view.bead(60));
  stage.tell('woken', { 'at the live edge after s': (performance.now() - woken) / 1000, 'read off the picture': delay });
  assert.ok(delay < 1.2, `the picture is ${delay} s old`);
  await view.assertClean({ hosts: [new URL(server.url).host], allowed: CONNECTIONS });
}));

/** Waits until the player of a camera on this page says something like `pattern`. */
function said(view, camera, pattern) {
  return view.page.waitForFunction(([name, like]) => {
    const player = document.querySelector(`belvedere-player[camera=${name}]`);
    const message = player?.shadowRoot.querySelector('.message');
    const text = message && !message.hidden ? message.querySelector('.text').textContent : '';
    return new RegExp(like).test(text) && text;
  }, [camera, pattern], { timeout: 60_000 }).then((handle) => handle.jsonValue());
}

test('what is wrong with a camera is said, and when it is tried again', (t) => patiently(t, async (stage) => {
  const locked = await stage.camera(['--auth', 'digest', '--audio', 'off']);
  const frozen = await stage.camera(['--audio', 'off']);
  const gone = await stage.camera(['--audio', 'off']);
  await gone.kill();
  const source = (name, { url }) => `[cameras.${name}.renditions.main]\nsource = "${url}"\n`;
  const server = await stage.configured([
    'ingest.stall_timeout = "3s"\n',
    source('locked', { url: locked.url() }),
    'username = "viewer"\npassword = "wrong"\n',
    source('frozen', { url: frozen.url() }),
    source('gone', { url: gone.url() }),
  ].join(''));
  const watch = await stage.open(server.at('watch/frozen'));
  const wall = await stage.open(server.url);
  await watch.untilPlaying(60_000);
  const refused = '^RTSP DESCRIBE answered 401: check username and password\\. Trying again in (\\d+) s\\.$';
  const first = await said(wall, 'locked', refused);
  const seconds = (text) => Number(/in (\d+) s/.exec(text)[1]);
  assert.ok(seconds(first) <= 75, first);
  // It counts by itself: the server says it once.
  const fewer = await said(wall, 'locked', `Trying again in (${[1, 2, 3, 4, 5].map((less) => seconds(first) - less).join('|')}) s\\.$`);
  stage.tell('locked', { first, fewer });
  await said(wall, 'gone', '^Connection refused: .* Trying again in \\d+ s\\.$');
  frozen.child.process.kill('SIGSTOP');
  try {
    for (const view of [watch, wall]) {
      const stalled = await said(view, 'frozen', '^Stalled: no picture for 3 s\\.( Trying again in \\d+ s\\.)?$');
      stage.tell('frozen', { stalled });
    }
  } finally {
    frozen.child.process.kill('SIGCONT');
  }
  await watch.until('the picture is back', ({ state }) => state === 'live', 60_000);
  await wall.page.waitForSelector('belvedere-player[camera=frozen][state=live]');
}));
