// Just enough of ISO BMFF to know when a chunk is to be shown.

/** The boxes between two places. */
function* boxes(view, from, to) {
  let at = from;
  while (at + 8 <= to) {
    let size = view.getUint32(at);
    let header = 8;
    if (size === 1 && at + 16 <= to) {
      size = view.getUint32(at + 8) * 2 ** 32 + view.getUint32(at + 12);
      header = 16;
    }
    if (size === 0) size = to - at;
    if (size < header) return;
    yield { type: fourCc(view, at + 4), body: at + header, end: Math.min(at + size, to) };
    at += size;
  }
}

function fourCc(view, at) {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

/** The first box of a type between two places, or null. */
function find(view, from, to, type) {
  for (const box of boxes(view, from, to)) if (box.type === type) return box;
  return null;
}

/** Ticks a second of each track of an init segment, by track id. */
export function timescales(buffer) {
  const view = new DataView(buffer);
  const scales = new Map();
  const moov = find(view, 0, view.byteLength, 'moov');
  if (!moov) return scales;
  for (const trak of boxes(view, moov.body, moov.end)) {
    if (trak.type !== 'trak') continue;
    const tkhd = find(view, trak.body, trak.end, 'tkhd');
    const mdia = find(view, trak.body, trak.end, 'mdia');
    const mdhd = mdia && find(view, mdia.body, mdia.end, 'mdhd');
    if (!tkhd || !mdhd) continue;
    const id = view.getUint32(tkhd.body + (view.getUint8(tkhd.body) === 1 ? 20 : 12));
    scales.set(id, view.getUint32(mdhd.body + (view.getUint8(mdhd.body) === 1 ? 20 : 12)));
  }
  return scales;
}

/** Track, decode time in seconds and kind of a chunk's first sample: `{track, time, sync}`, or null when it does not say. */
export function firstSample(buffer, scales) {
  const view = new DataView(buffer);
  const moof = find(view, 0, view.byteLength, 'moof');
  const traf = moof && find(view, moof.body, moof.end, 'traf');
  const tfhd = traf && find(view, traf.body, traf.end, 'tfhd');
  const tfdt = traf && find(view, traf.body, traf.end, 'tfdt');
  if (!tfhd || !tfdt) return null;
  const track = view.getUint32(tfhd.body + 4);
  const scale = scales.get(track);
  if (!scale) return null;
  const low = tfdt.body + 4;
  const ticks = view.getUint8(tfdt.body) === 1 ? view.getUint32(low) * 2 ** 32 + view.getUint32(low + 4) : view.getUint32(low);
  return { track, time: ticks / scale, sync: isSync(view, tfhd, find(view, traf.body, traf.end, 'trun')) };
}

/** Bit of the sample flags (ISO/IEC 14496-12, 8.8.3.1) that says that a decoder cannot start here. */
const NON_SYNC = 0x10000;

/** The flags of a first sample stand in `trun`, for it or for each sample, or else in `tfhd` for all. */
function isSync(view, tfhd, trun) {
  const flags = (box) => view.getUint32(box.body) & 0xffffff;
  const after = (box, start, sizes) => sizes.reduce((at, [bit, size]) => at + (flags(box) & bit ? size : 0), box.body + start);
  if (trun && flags(trun) & 0x4) return !(view.getUint32(after(trun, 8, [[0x1, 4]])) & NON_SYNC);
  if (trun && flags(trun) & 0x400) return !(view.getUint32(after(trun, 8, [[0x1, 4], [0x100, 4], [0x200, 4]])) & NON_SYNC);
  if (flags(tfhd) & 0x20) return !(view.getUint32(after(tfhd, 8, [[0x1, 8], [0x2, 4], [0x8, 4], [0x10, 4]])) & NON_SYNC);
  return true;
}
