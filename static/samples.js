// What an init segment's sample entries say of its codecs, as a MIME type (RFC 6381). Pure.

import { boxes, find } from './boxes.js';

/** Bytes of a sample entry before the boxes inside it (ISO/IEC 14496-12, 12.1.3 and 12.2.3). */
const VISUAL_ENTRY = 78;
const AUDIO_ENTRY = 28;

/** `video/mp4; codecs="avc1.4d401f,mp4a.40.2"` */
export function mimeOf(init) {
  const view = new DataView(init);
  const moov = find(view, 0, view.byteLength, 'moov');
  const codecs = [];
  for (const trak of moov ? boxes(view, moov.body, moov.end) : []) {
    if (trak.type !== 'trak') continue;
    const stsd = ['mdia', 'minf', 'stbl', 'stsd'].reduce((box, type) => box && find(view, box.body, box.end, type), trak);
    if (!stsd) continue;
    for (const entry of boxes(view, stsd.body + 8, stsd.end)) codecs.push(codecOf(view, entry));
  }
  return `video/mp4; codecs="${codecs.join(',')}"`;
}

function codecOf(view, { type, body, end }) {
  const inside = (skip, name) => find(view, body + skip, end, name);
  switch (type) {
    case 'avc1': return avc(view, inside(VISUAL_ENTRY, 'avcC'));
    case 'hvc1': return hevc(view, inside(VISUAL_ENTRY, 'hvcC'));
    case 'mp4a': return `mp4a.40.${objectType(view, inside(AUDIO_ENTRY, 'esds'))}`;
    case 'fLaC': return 'flac';
    case 'Opus': return 'opus';
    default: return type;
  }
}

/** Profile, constraints and level as in the sequence parameter set. */
function avc(view, record) {
  if (!record) return 'avc1';
  return `avc1.${[1, 2, 3].map((at) => hex(view.getUint8(record.body + at)).padStart(2, '0')).join('')}`;
}

/** ISO/IEC 14496-15, annex E: profile space and idc, compatibility flags in reverse, tier and level, constraints. */
function hevc(view, record) {
  if (!record) return 'hvc1';
  const at = record.body;
  const first = view.getUint8(at + 1);
  const space = ['', 'A', 'B', 'C'][first >> 6];
  const flags = [...view.getUint32(at + 2).toString(2).padStart(32, '0')].reverse().join('');
  const constraints = Array.from({ length: 6 }, (_, index) => view.getUint8(at + 6 + index));
  while (constraints.length && constraints.at(-1) === 0) constraints.pop();
  const parts = [
    `hvc1.${space}${first & 31}`, hex(parseInt(flags, 2)), `${first & 32 ? 'H' : 'L'}${view.getUint8(at + 12)}`, ...constraints.map(hex),
  ];
  return parts.join('.');
}

/** The audio object type, out of the descriptors of ISO/IEC 14496-1, 7.2.6. */
function objectType(view, esds) {
  if (!esds) return 2;
  let at = esds.body + 4;
  while (at + 2 < esds.end) {
    const tag = view.getUint8(at);
    at += 1;
    while (view.getUint8(at) & 128) at += 1; // the length, seven bits a byte
    at += 1;
    if (tag === 3) at += 3;
    else if (tag === 4) at += 13;
    else if (tag === 5) return view.getUint8(at) >> 3;
    else break;
  }
  return 2;
}

function hex(number) {
  return number.toString(16).toUpperCase();
}
