// Which of several ways to the same thing is taken: the best that has not failed lately. Pure.

/** Seconds a way is left alone after it failed: twice as long each time, up to the longest. */
const REST = 60;
const LONGEST_REST = 600;

export class Ladder {
  /** @param rungs the ways, best first */
  constructor(rungs) {
    this.rungs = rungs.map((way) => ({ way, until: -Infinity, rest: REST }));
  }

  /** The way to take now; when all have failed lately, the one whose rest ends first. */
  best(now) {
    const rested = this.rungs.find(({ until }) => until <= now);
    return (rested ?? this.rungs.reduce((soonest, rung) => (rung.until < soonest.until ? rung : soonest))).way;
  }

  /** Takes note that a way failed. True when there is another that has not. */
  failed(way, now) {
    const rung = this.rungs.find((one) => one.way === way);
    rung.until = now + rung.rest;
    rung.rest = Math.min(2 * rung.rest, LONGEST_REST);
    return this.rungs.some(({ until }) => until <= now);
  }

  /** Takes note that a way works. */
  worked(way) {
    const rung = this.rungs.find((one) => one.way === way);
    rung.until = -Infinity;
    rung.rest = REST;
  }
}
