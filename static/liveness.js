// Whether what is on the screen may be called live. Pure: takes times, keeps what it saw.

/** Seconds without a new picture after which the last one is no longer called live. */
const STALE_AFTER = 1.5;
const STALE_AT_MOST = 10;
const PAUSES_KEPT = 9;
/** Pictures that arrive for this long without becoming playable mean that the buffer is wedged. */
const FED_IN_VAIN = 4;

export class Liveness {
  constructor() {
    this.pauses = [];
    this.endAt = null;
    this.movedAt = -Infinity;
    this.fedSince = null;
  }

  /** A picture arrived. */
  fed(now) {
    this.fedSince ??= now;
    this.fedAt = now;
  }

  /** What can be seen now: the playhead, and the end of what is buffered (or undefined). */
  observe(now, time, end) {
    if (end !== undefined && end !== this.end) {
      if (this.endAt !== null) this.pauses = [now - this.endAt, ...this.pauses].slice(0, PAUSES_KEPT);
      this.end = end;
      this.endAt = now;
      this.fedSince = null;
    }
    if (time !== this.time) {
      this.time = time;
      this.movedAt = now;
    }
  }

  /** The time that usually passes between two pictures; an outage does not count as usual. */
  get usualPause() {
    const pauses = [...this.pauses].sort((a, b) => a - b);
    return pauses[Math.floor(pauses.length / 2)] ?? 0;
  }

  get patience() {
    return Math.max(STALE_AFTER, Math.min(3 * this.usualPause, STALE_AT_MOST));
  }

  /** New pictures become playable, and the playhead moves over them. */
  alive(now) {
    return this.endAt !== null && now - this.endAt < this.patience && now - this.movedAt < this.patience;
  }

  /** Pictures go in and none come out. */
  wedged(now) {
    return this.fedSince !== null && now - this.fedSince > FED_IN_VAIN && now - this.fedAt < 1;
  }
}
