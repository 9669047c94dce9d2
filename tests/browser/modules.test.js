// What of the pages needs no page: their pure modules.

import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

let directory;

// Node takes a file for a module by the package it is in; the pages have none.
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'belvedere-modules-'));
  await cp(fileURLToPath(new URL('../../static', import.meta.url)), directory, { recursive: true });
  await writeFile(join(directory, 'package.json'), '{"type": "module"}');
});
after(() => rm(directory, { recursive: true }));

const load = (name) => import(pathToFileURL(join(directory, name)).href);

test('the best way that has not failed lately is taken, and the first one again after a rest', async () => {
  const { Ladder } = await load('ladder.js');
  const ladder = new Ladder(['socket', 'stream']);
  assert.equal(ladder.best(0), 'socket');
  assert.equal(ladder.failed('socket', 10), true);
  assert.equal(ladder.best(11), 'stream');
  assert.equal(ladder.failed('stream', 20), false, 'both have failed');
  assert.equal(ladder.best(30), 'socket', 'whose rest ends first');
  assert.equal(ladder.best(71), 'socket');
  ladder.failed('socket', 71);
  assert.equal(ladder.best(140), 'stream', 'the second rest is longer');
  ladder.worked('socket');
  assert.equal(ladder.best(141), 'socket');
});

test('over a line that nobody judges a lighter rendition is asked for when pictures come late, and a heavier one when all is calm', async () => {
  const { Thrift } = await load('thrift.js');
  const thrift = new Thrift();
  thrift.offer([{ name: 'main', bit_rate: 4e6 }, { name: 'same', bit_rate: 4e6 }, { name: 'sub', bit_rate: 4e5 }]);
  let now = 0;
  /** Pictures of so many seconds that come `late`; how many seconds it took until another rendition was wanted, or null. */
  const on = (seconds, late) => {
    for (const begun = now; now < begun + seconds; now += 0.04) {
      if (!thrift.picture(now, now - late - 1000)) continue;
      thrift.began(now);
      return now - begun;
    }
    return null;
  };
  thrift.began(now);
  assert.equal(on(60, 0.1), null, 'there is nothing better than the best');
  assert.equal(thrift.rendition, 'auto');
  assert.ok(on(10, 1.5) < 0.1);
  assert.equal(thrift.rendition, 'sub');
  assert.equal(on(10, 2), null, 'there is nothing lighter');
  const pauses = [];
  for (let attempt = 0; attempt < 3; attempt += 1) {
    pauses.push(on(600, 0.2));
    assert.equal(thrift.rendition, 'auto');
    const down = on(20, 3);
    assert.ok(down > 2.5 && down < 4, `what lay ready at the start says nothing: ${down} s`);
    assert.equal(thrift.rendition, 'sub');
  }
  assert.ok(pauses[1] > pauses[0] * 1.5 && pauses[2] > pauses[1] * 1.5, `${pauses}`);
  on(600, 0.2);
  assert.equal(on(60, 0.2), null);
  assert.ok(on(10, 2) < 0.1);
  assert.ok(on(600, 0.2) < 15, 'an attempt that lasted did not fail');
  assert.equal(new Thrift().rendition, 'auto');
});

test('a stream is cut into init segments and chunks wherever its bytes are cut', async () => {
  const { Fragments } = await load('fragments.js');
  const box = (type, length) => {
    const bytes = new Uint8Array(8 + length).fill(7);
    new DataView(bytes.buffer).setUint32(0, bytes.length);
    bytes.set([...type].map((letter) => letter.charCodeAt(0)), 4);
    return bytes;
  };
  const boxes = [box('ftyp', 12), box('moov', 300), box('moof', 90), box('mdat', 1000), box('styp', 4), box('moof', 90), box('mdat', 0)];
  const stream = Uint8Array.from(boxes.flatMap((bytes) => [...bytes]));
  const expected = [['init', 328], ['chunk', 1106], ['chunk', 118]];
  for (const step of [1, 7, 333, stream.length]) {
    const fragments = new Fragments();
    const found = [];
    for (let at = 0; at < stream.length; at += step) found.push(...fragments.push(stream.slice(at, at + step)));
    assert.deepEqual(found.map(({ kind, bytes }) => [kind, bytes.byteLength]), expected, `in steps of ${step}`);
  }
  assert.throws(() => new Fragments().push(new TextEncoder().encode('<!doctype html>')), /no fragmented MP4/);
});

test('the player starts at the newest picture, glides back to its distance, and jumps when it is far behind', async () => {
  const { LiveEdge } = await load('edge.js');
  const edge = new LiveEdge({ floor: 0.3 });
  const at = (now, time, end) => edge.decide({ now, time, paused: false, ranges: [[100, end]] });
  assert.deepEqual(at(0, 0, 110), { rate: 1, seek: 109.7, why: 'join' });
  // Late by a second for a while: a little faster, no jump.
  let rate = 1;
  for (let now = 2; now < 12; now += 0.1) {
    const step = at(now, 109.7 + now, 109.7 + now + 1.3);
    assert.equal(step.seek, undefined, `${now}`);
    rate = step.rate;
  }
  assert.ok(rate > 1 && rate <= 1.1, `${rate}`);
  const jump = at(12, 121.7, 130);
  assert.equal(jump.why, 'behind');
  assert.ok(Math.abs(jump.seek - (130 - edge.target)) < 1e-9);
});

test('a hole is crossed', async () => {
  const { LiveEdge } = await load('edge.js');
  const edge = new LiveEdge();
  const ranges = [[0, 10], [12, 12.2]];
  edge.decide({ now: 0, time: 9, paused: false, ranges: [[0, 10]] });
  edge.decide({ now: 5, time: 10, paused: false, ranges });
  const step = edge.decide({ now: 5.4, time: 10, paused: false, ranges });
  assert.deepEqual([step.why, step.seek], ['gap', 12.01]);
});

test('tiles fit into every window', async () => {
  const { layout } = await load('layout.js');
  for (const [width, height] of [[360, 600], [390, 800], [820, 1100], [1440, 850], [3840, 2100]]) {
    for (let count = 1; count <= 36; count += 1) {
      const { columns, tile, gap } = layout(count, width, height);
      const where = `${count} in ${width} x ${height}`;
      assert.ok(columns >= 1 && columns <= count, where);
      assert.ok(columns * tile + (columns - 1) * gap <= width + 1, `${where}: wider than the window`);
      assert.ok(tile >= 140, `${where}: a tile of ${tile}`);
      if (width >= 1440) assert.ok(Math.ceil(count / columns) * (tile * 9 / 16 + gap) <= height + gap, `${where}: higher than the window`);
    }
  }
});

test('other codecs follow in the same buffer only where it can change its type', async () => {
  const { MediaBuffer } = await load('buffer.js');
  globalThis.navigator ??= { userAgent: '' };
  const buffer = new MediaBuffer({}, null, {});
  const mime = (codecs) => `video/mp4; codecs="${codecs}"`;
  const taken = (...all) => all.map((codecs) => buffer.takes(mime(codecs)));
  const all = ['avc1.64001f,mp4a.40.2', 'hvc1.1.6.L93.B0,mp4a.40.2', 'avc1.4d401f,fLaC', 'avc1.4d401f'];
  assert.deepEqual(taken(...all), [true, true, true, true], 'nothing is in it yet');
  Object.assign(buffer, { mime: mime('avc1.4d401f,mp4a.40.2'), buffer: { changeType() {} } });
  assert.deepEqual(taken(...all), [true, true, true, false]);
  buffer.buffer = {};
  assert.deepEqual(taken(...all), [true, false, false, false]);
});

test('a small tile shows the light rendition, a large one what the connection carries', async () => {
  const { tileRendition } = await load('cameras.js');
  const camera = { renditions: [{ name: 'main', width: 1920 }, { name: 'sub', width: 640 }] };
  assert.equal(tileRendition(camera, 400), 'sub');
  assert.equal(tileRendition(camera, 1270), 'sub');
  assert.equal(tileRendition(camera, 1900), 'auto');
  assert.equal(tileRendition({ renditions: [{ name: 'main' }] }, 400), 'auto');
});

test('who cannot play a codec is told which rendition can be played', async () => {
  const { playableCodecs, whyUnplayable } = await load('codecs.js');
  const supports = (mime) => /avc1|mp4a/.test(mime);
  const camera = { renditions: [{ name: 'main', codecs: 'hvc1.1.6.L120.90,mp4a.40.2' }, { name: 'sub', codecs: 'avc1.4d401f' }] };
  assert.equal(
    whyUnplayable(camera, 'main', supports),
    'The camera sends H.265 (hvc1.1.6.L120.90), which this browser cannot play. It can play the rendition “sub”.',
  );
  assert.equal(whyUnplayable(camera, 'sub', supports), null);
  assert.deepEqual(playableCodecs((mime) => /4d40|mp4a/.test(mime)), ['avc1.4d401e', 'mp4a.40.2', 'mp4a.40.5']);
});

test('the pages name all their modules, so that none waits for another to be found', async () => {
  const modulesOf = async (name, found = new Set()) => {
    const text = await readFile(join(directory, name), 'utf8');
    for (const [, imported] of text.matchAll(/^(?:import|export) [^;]*'\.\/([^']+)';/gm)) {
      if (found.has(imported)) continue;
      found.add(imported);
      await modulesOf(imported, found);
    }
    return found;
  };
  for (const [page, entry] of [['index.html', 'wall.js'], ['watch.html', 'watch.js']]) {
    const text = await readFile(join(directory, page), 'utf8');
    const named = [...text.matchAll(/rel="modulepreload" href="[./]*static\/([^"]+)"/g)].map(([, name]) => name);
    assert.deepEqual(named.sort(), [...await modulesOf(entry)].sort(), page);
  }
});

test('a token in the address is handed on by our own pages alone', async () => {
  const base = pathToFileURL(`${directory}/`).href.replace('static/', '');
  const asked = async (address) => {
    const { href, search } = new URL(address);
    globalThis.location = { href, search };
    const { playlistUrl } = await import(`${pathToFileURL(join(directory, 'static', 'places.js')).href}?${encodeURIComponent(address)}`);
    delete globalThis.location;
    return new URL(playlistUrl('door', 'http://cams.example/')).searchParams.get('token');
  };
  await cp(join(directory, 'places.js'), join(directory, 'static', 'places.js'));
  for (const page of ['?token=secret', 'watch/door?token=secret', 'watch/door?controls=0&token=secret']) {
    assert.equal(await asked(base + page), 'secret', page);
  }
  for (const page of ['http://shop.example/?token=secret', `${base}shop/?token=secret`, `${base}watch/door`]) {
    assert.equal(await asked(page), null, page);
  }
});

test('what a player offers is told at its head, and in the README', async () => {
  const [module, template, style, readme] = await Promise.all([
    ...['belvedere-player.js', 'template.js', 'player.css'].map((name) => readFile(join(directory, name), 'utf8')),
    readFile(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8'),
  ]);
  const head = module.slice(0, module.indexOf('import '));
  const found = (text, pattern) => [...new Set([...text.matchAll(pattern)].flatMap(([, names]) => names.split(/[',\s]+/)))].filter(Boolean);
  const offered = {
    attribute: found(module, /observedAttributes = \[([^\]]+)\]/g),
    property: found(module, /^ {2}[gs]et (\w+)\(/gm),
    method: found(module, /^ {2}(?:async )?((?!constructor|connected|disconnected|attributeChanged)\w+)\([^)]*\) \{$/gm),
    event: found(module, /new CustomEvent\('(\w+)'/g),
    'CSS part': found(template, / part="(\w+)"/g),
    'CSS property': found(style, /var\((--belvedere-[a-z]+)/g),
  };
  for (const [kind, names] of Object.entries(offered)) {
    assert.ok(names.length > 1, `${kind}: ${names}`);
    for (const name of names) {
      const word = new RegExp(`(?<![\\w-])${name}(?![\\w-])`);
      assert.match(head, word, `the ${kind} ${name} is not told at the head of belvedere-player.js`);
      assert.match(readme, word, `the ${kind} ${name} is not told in the README`);
    }
  }
});
