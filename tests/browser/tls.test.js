// The same over TLS, and so over HTTP/2.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { faults, untilSegments } from './support/hlsjs.js';
import { patiently } from './support/starved.js';
import { until } from './support/wait.js';

const TLS = `[server.tls]
listen = "127.0.0.1:0"
self_signed = true
`;
/** Nobody told this browser of the server's own authority. */
const options = { ignoreHTTPSErrors: true };

test('page, feed and hls.js play over TLS and HTTP/2', (t) => patiently(t, async (stage, starvation) => {
  const server = await stage.configured(TLS, ['--demo']);
  const line = await stage.line(new URL(server.secure).port);
  const { host } = new URL(line.url);
  const view = await stage.open(`https://${host}/watch/demo`, options);
  await view.untilPlaying();
  const { stats } = await view.facts();
  assert.equal(stats.transport, 'mse');
  const protocols = await view.page.evaluate(() => (
    ['navigation', 'resource'].flatMap((type) => performance.getEntriesByType(type).map((entry) => entry.nextHopProtocol))
  ));
  assert.deepEqual([...new Set(protocols)], ['h2'], 'page, scripts and API');
  await view.untilPlaying();
  await until('the socket is in the connection of the page (RFC 8441)', () => line.pairs.size === 1);
  await view.assertClean({ hosts: [host] });

  // Here it is not about joins that are early: alone/hlsjs.test.js has those.
  await untilSegments(server, 3);
  const site = await stage.site();
  const source = new URL('hls/demo/index.m3u8', server.secure).href;
  const player = await stage.open(site.page(source, { mend: 0, low: 1, rate: 1.2 }), options);
  await player.untilPlaying();
  await player.measure(5);
  const said = /HLS viewer Mozilla.*, HTTP\/2\.0, TLS, low latency/;
  await until('a word about the viewer', () => said.test(server.child.log), { within: 30_000, state: () => server.child.log });
  const late = await starvation.found(stage.views);
  assert.deepEqual(faults((await player.facts()).hlsErrors, [], late), [], 'errors that hls.js reported');
  await player.assertClean({ hosts: [new URL(source).host, new URL(site.url).host] });
}));
