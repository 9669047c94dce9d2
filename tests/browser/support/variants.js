// The variants of a multivariant playlist, and what their media really are.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The variants in `text`: the attributes of each and its `uri`, and the URI of its sound as `sound`. */
export function attributesOf(text) {
  const lines = text.split('\n');
  const read = (line) => Object.fromEntries([...line.matchAll(/([A-Z-]+)=("[^"]*"|[^,]*)/g)].map(([, name, value]) => [name, value.replaceAll('"', '')]));
  const sounds = lines.filter((line) => line.startsWith('#EXT-X-MEDIA:')).map(read);
  return lines.flatMap((line, at) => {
    if (!line.startsWith('#EXT-X-STREAM-INF:')) return [];
    const attributes = read(line);
    return [{ ...attributes, uri: lines[at + 1], sound: sounds.find((one) => one['GROUP-ID'] === attributes.AUDIO)?.URI }];
  });
}

/** What the finished segments of a variant show of it: bit rates with sound, size, frame rate and codecs. */
export async function measured(base, { uri, sound }) {
  const [pictures, tones] = await Promise.all([uri, sound].map((list) => segmentsOf(new URL(list, base))));
  const heard = new Map(tones.segments.map((one) => [one.msn, one]));
  const pairs = pictures.segments.filter(({ msn }) => heard.has(msn));
  assert.ok(pairs.length >= 3, `${pairs.length} segments with sound`);
  const rates = pairs.map((one) => bitsOf(one) / one.seconds + bitsOf(heard.get(one.msn)) / heard.get(one.msn).seconds);
  const [video] = await streamsOf([pictures.init, ...pictures.segments.map(({ bytes }) => bytes)]);
  const [audio] = await streamsOf([tones.init, tones.segments[0].bytes]);
  const avcc = pictures.init.indexOf('avcC');
  const [numerator, denominator] = video.avg_frame_rate.split('/').map(Number);
  return {
    peak: Math.max(...rates),
    average: rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
    resolution: `${video.width}x${video.height}`,
    frameRate: numerator / denominator,
    // Profile, constraints and level, as the decoder reads them (RFC 6381 3.4), and the sound's object type.
    codecs: `avc1.${pictures.init.subarray(avcc + 5, avcc + 8).toString('hex')},${{ LC: 'mp4a.40.2' }[audio.profile]}`,
  };
}

const bitsOf = ({ bytes }) => bytes.length * 8;

async function segmentsOf(list) {
  const lines = (await (await fetch(list)).text()).split('\n');
  const load = async (uri) => Buffer.from(await (await fetch(new URL(uri, list))).arrayBuffer());
  const number = (tag) => Number(lines.find((line) => line.startsWith(tag)).slice(tag.length));
  const first = number('#EXT-X-MEDIA-SEQUENCE:');
  const [, map] = /#EXT-X-MAP:URI="([^"]*)"/.exec(lines.join('\n'));
  const listed = lines.flatMap((line, at) => (line.startsWith('#EXTINF:')
    ? [{ seconds: parseFloat(line.slice('#EXTINF:'.length)), uri: lines.slice(at + 1).find((next) => next && !next.startsWith('#')) }] : []));
  const segments = await Promise.all(listed.map(async ({ seconds, uri }, at) => ({ msn: first + at, seconds, bytes: await load(uri) })));
  return { init: await load(map), segments };
}

/** The streams that ffprobe finds in `pieces` of one file. */
async function streamsOf(pieces) {
  const probe = spawn('ffprobe', ['-v', 'error', '-of', 'json', '-show_streams', 'pipe:0'], { stdio: ['pipe', 'pipe', 'inherit'] });
  // It may have seen enough before the end.
  probe.stdin.on('error', () => {});
  probe.stdin.end(Buffer.concat(pieces));
  let text = '';
  probe.stdout.setEncoding('utf8').on('data', (more) => { text += more; });
  const [code] = await once(probe, 'close');
  assert.equal(code, 0, 'exit code of ffprobe');
  return JSON.parse(text).streams;
}
