// The camera's own main and sub streams as one adaptive stream: hls.js takes what the line carries.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { faults, untilSegments } from '../support/hlsjs.js';
import { patiently } from '../support/starved.js';
import { attributesOf, measured } from '../support/variants.js';

/** What a narrow line does by itself. */
const NARROW = ['bufferStalledError', 'bufferNudgeOnStall', 'bufferSeekOverHole', 'fragLoadTimeOut', 'levelLoadTimeOut', 'audioTrackLoadTimeOut'];

test('hls.js goes to sub when the line gets narrow, and back to main when it is wide again', async (t) => {
  await patiently(t, async (stage) => {
    const server = await stage.belvedere();
    const line = await stage.line(server.port);
    const site = await stage.site();
    await untilSegments(server, 3);
    const source = `${line.url}hls/demo/index.m3u8`;
    const view = await stage.open(site.page(source, { mend: 0, rate: 1.2, memory: 0.5 }));
    const [main, sub] = [540, 180];
    const shows = (height) => view.until(`${height} lines`, ({ video }) => video?.height === height);
    await view.untilPlaying();
    await shows(main);

    const begun = performance.now();
    const seconds = () => (performance.now() - begun) / 1000;
    line.narrow(170_000);
    await shows(sub);
    const down = seconds();
    line.narrow(0);
    await shows(main);
    stage.tell('switches', { 'to sub after s': down, 'to main after s': seconds() - down });
    const { video: { time } } = await view.facts();
    const { hlsErrors } = await view.until('five seconds more', ({ video }) => video.time > time + 5);
    stage.t.diagnostic(`errors of hls.js: ${hlsErrors.map(({ at, details }) => `${at} ${details}`).join('; ')}`);
    assert.deepEqual(faults(hlsErrors, NARROW), [], 'errors that hls.js reported');
    await view.assertClean({ hosts: [new URL(line.url).host, new URL(site.url).host] });
  });
});

test('what the multivariant playlist says of its variants is true', async (t) => {
  await patiently(t, async (stage) => {
    const server = await stage.belvedere();
    await untilSegments(server, 4);
    const text = await (await fetch(server.at('hls/demo/index.m3u8'))).text();
    const variants = attributesOf(text);
    assert.deepEqual(variants.map(({ uri }) => uri), ['main/video.m3u8', 'sub/video.m3u8'], text);
    for (const variant of variants) {
      const media = await measured(server.at('hls/demo/'), variant);
      stage.tell(variant.uri, { said: variant, measured: media });
      assert.equal(variant.RESOLUTION, media.resolution);
      assert.equal(variant.CODECS, media.codecs);
      assert.ok(Math.abs(Number(variant['FRAME-RATE']) - media.frameRate) < 0.5, `${media.frameRate} pictures a second`);
      // The peak of any segment is under BANDWIDTH, and not far under: a player would pass the variant by.
      assert.ok(media.peak <= Number(variant.BANDWIDTH) * 1.1, `${media.peak} bit/s at the most`);
      assert.ok(media.peak >= Number(variant.BANDWIDTH) * 0.6, `${media.peak} bit/s at the most`);
      assert.ok(Math.abs(media.average / Number(variant['AVERAGE-BANDWIDTH']) - 1) < 0.2, `${media.average} bit/s on average`);
    }
  });
});
