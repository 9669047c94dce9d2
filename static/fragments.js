// Cuts a stream of fragmented MP4 into init segments and chunks. Pure.

/** No box that a camera's picture fills is longer; what claims to be is no MP4. */
const LONGEST_BOX = 32 * 1024 * 1024;
const HEADER = 8;
/** The boxes with which a piece is complete. */
const LAST = { moov: 'init', mdat: 'chunk' };

export class Fragments {
  constructor() {
    this.pieces = [];
    this.length = 0;
    this.begin();
  }

  begin() {
    /** Where in what is held the next box begins, counted from the begin of the piece. */
    this.at = 0;
  }

  /** Takes bytes as they come; returns what they complete, as `{kind: 'init' | 'chunk', bytes}`. */
  push(bytes) {
    this.pieces.push(bytes);
    this.length += bytes.byteLength;
    const done = [];
    for (let piece = this.next(); piece; piece = this.next()) done.push(piece);
    return done;
  }

  next() {
    while (this.length >= this.at + HEADER) {
      const held = this.joined();
      const view = new DataView(held.buffer, held.byteOffset);
      const size = view.getUint32(this.at);
      const type = String.fromCharCode(...held.subarray(this.at + 4, this.at + HEADER));
      if (size < HEADER || size > LONGEST_BOX) throw new Error('this is no fragmented MP4');
      if (this.length < this.at + size) return null;
      this.at += size;
      if (LAST[type]) return this.take(LAST[type]);
    }
    return null;
  }

  /** What is held, in one piece. */
  joined() {
    if (this.pieces.length > 1) {
      const whole = new Uint8Array(this.length);
      let at = 0;
      for (const piece of this.pieces) {
        whole.set(piece, at);
        at += piece.byteLength;
      }
      this.pieces = [whole];
    }
    return this.pieces[0];
  }

  take(kind) {
    const held = this.joined();
    const bytes = held.slice(0, this.at).buffer;
    this.length -= this.at;
    this.pieces = this.length ? [held.subarray(this.at)] : [];
    this.begin();
    return { kind, bytes };
  }
}
