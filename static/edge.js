// Stays close to the newest picture. Pure: takes times, returns what to do.

const LONGEST_TARGET = 2.5;
const JUMP_BEHIND = 3;
/** For this long after a join, media of the past still pours in: chase it by jumps. */
const YOUNG = 1.5;
const YOUNG_SLACK = 0.5;
const LARGE_HOLE = 0.5;
const STANDS_AFTER = 0.3;
const INTO_RANGE = 0.01;
const WEDGED_AFTER = 2;
const HOPELESS_AFTER = 8;
/** The arrival times of the last seconds say how much must be held in hand. */
const MEMORY_SECONDS = 8;
const SMOOTHING = 0.8;
/** Seconds off the target from which on the seldom changed rate is changed, and at which it is back at 1. */
const COARSE = { late: 0.4, early: 0.15, enough: 0.05 };

export class LiveEdge {
  /** @param floor seconds behind the newest picture that are aimed for at least
   *  @param gentle whether the playback rate may be changed often; otherwise it is seldom, and jumps are made sooner */
  constructor({ floor = 0.3, gentle = true } = {}) {
    this.floor = floor;
    this.gentle = gentle;
    this.join(0);
  }

  /** A new stretch of media begins: whatever was learned about arrival no longer holds. */
  join(now) {
    this.joined = now;
    this.arrived = false;
    this.lags = [];
    this.last = { time: -1, since: now };
    this.mean = this.floor;
    this.paced = now;
    this.rate = 1;
  }

  /** Seconds behind the newest picture to aim for on average: the floor, or more when pictures come unevenly, so that
   *  something is left in hand when the next one is due. */
  get target() {
    if (!this.lags.length) return this.floor;
    const least = Math.min(...this.lags.map((lag) => lag.least));
    const most = Math.max(...this.lags.map((lag) => lag.most));
    return Math.min(Math.max(this.floor, (most - least) * 0.65 + 0.12), LONGEST_TARGET);
  }

  /** How long the picture has been standing still. */
  standing(now) {
    return now - this.last.since;
  }

  /** What to do now: `{rate, seek, why}` or `{rebuild: true}`.
   *  `ranges` are the buffered `[start, end]`, oldest first; all times in seconds. */
  decide({ now, time, paused, ranges }) {
    if (paused || Math.abs(time - this.last.time) > 0.001) this.last = { time, since: now };
    const newest = ranges[ranges.length - 1];
    if (!newest) return { rate: 1 };
    if (!this.arrived) {
      this.arrived = true;
      this.joined = now;
      return this.seek(now, this.goal(newest), 'join');
    }
    this.learn(now, ranges);
    const behind = newest[1] - time;
    const young = now - this.joined < YOUNG;
    if (!paused && this.standing(now) >= STANDS_AFTER) {
      const step = this.unstick(now, time, ranges);
      if (step) return step;
    }
    if (behind > (young ? this.target + YOUNG_SLACK : this.furthest())) return this.seek(now, this.goal(newest), 'behind');
    return { rate: this.pace(now, behind) };
  }

  furthest() {
    return this.gentle ? Math.max(JUMP_BEHIND, this.target + 1) : Math.max(1.5, this.target + 1);
  }

  goal([start, end]) {
    return Math.max(start + INTO_RANGE, end - this.target);
  }

  seek(now, to, why) {
    this.last = { time: to, since: now };
    this.mean = this.target;
    this.paced = now;
    this.rate = 1;
    return { rate: 1, seek: to, why };
  }

  unstick(now, time, ranges) {
    const later = ranges.find(([start]) => start > time);
    if (later) return this.seek(now, later[0] + INTO_RANGE, 'gap');
    const newest = ranges[ranges.length - 1];
    if (time > newest[1] + 0.5) return this.seek(now, this.goal(newest), 'beyond');
    if (newest[1] - time < 0.5) return null;
    if (this.standing(now) > HOPELESS_AFTER) return { rate: 1, rebuild: true };
    if (this.standing(now) > WEDGED_AFTER && !this.nudged) {
      this.nudged = true;
      return { rate: 1, seek: this.goal(newest), why: 'wedged' };
    }
    return null;
  }

  learn(now, ranges) {
    const [start, end] = ranges[ranges.length - 1];
    const hole = start - (ranges[ranges.length - 2]?.[1] ?? start);
    // What was missed says nothing about how evenly the rest arrives.
    if (hole > LARGE_HOLE && start !== this.resumed) {
      this.resumed = start;
      this.lags = [];
    }
    // The burst that follows a join says nothing about the arrival of live pictures.
    if (now - this.joined < YOUNG / 3) return;
    if (this.standing(now) < STANDS_AFTER) this.nudged = false;
    const lag = now - end;
    const second = Math.floor(now);
    const bucket = this.lags[this.lags.length - 1];
    if (bucket?.second === second) {
      bucket.least = Math.min(bucket.least, lag);
      bucket.most = Math.max(bucket.most, lag);
      return;
    }
    this.lags.push({ second, least: lag, most: lag });
    while (this.lags[0].second < second - MEMORY_SECONDS) this.lags.shift();
  }

  /** A rate between 0.95 and 1.1 that nobody notices, in steps of a hundredth. */
  pace(now, behind) {
    // Pictures that come in bursts make the distance a saw blade; its mean is what counts.
    const weight = 1 - Math.exp(-(now - this.paced) / SMOOTHING);
    this.paced = now;
    this.mean += (behind - this.mean) * weight;
    const error = this.mean - this.target;
    if (!this.gentle) return this.seldom(error);
    const wish = Math.abs(error) < 0.04 ? 1 : 1 + Math.min(Math.max(error * 0.3, -0.05), 0.1);
    if (wish === 1 || Math.abs(wish - this.rate) >= 0.01) this.rate = Math.round(wish * 100) / 100;
    return this.rate;
  }

  /** Three rates, each kept until its work is done: where a change of the rate costs a moment of standing still. */
  seldom(error) {
    if (this.rate > 1 ? error < COARSE.enough : this.rate < 1 && error > -COARSE.enough) this.rate = 1;
    if (error > COARSE.late) this.rate = 1.1;
    else if (error < -COARSE.early) this.rate = 0.95;
    return this.rate;
  }
}
