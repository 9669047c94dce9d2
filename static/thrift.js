// Which rendition to ask for over a line that nobody at its other end judges: the server judges sockets by pings, but
// nobody can be asked anything over a plain stream. Pure: takes times, in seconds, keeps what it saw.

/** Pictures that come so much later than the promptest ones want a lighter rendition. */
const LATE = 1;
/** Pictures that are no later than this are prompt. */
const PROMPT = 0.4;
/** What lay ready at the start is on its way for this long, and says nothing. */
const GRACE = 3;
/** So long all must be prompt before a heavier rendition is tried; longer after each attempt that failed. */
const FIRST_CALM = 10;
const LONGEST_CALM = 300;
/** An attempt that lasted so long did not fail. */
const SUCCESS = 30;
/** A lag that is so far from all before is another clock. */
const OTHER_CLOCK = 60;

export class Thrift {
  constructor() {
    this.names = [];
    this.forget();
    this.calm = FIRST_CALM;
    this.triedAt = null;
    this.least = Infinity;
  }

  /** The renditions that this browser plays, as the server lists them, the best first. */
  offer(renditions) {
    const lighter = (one, than) => !one.bit_rate || !than.bit_rate || one.bit_rate < than.bit_rate;
    const steps = [];
    for (const one of renditions) if (!steps.length || lighter(one, steps.at(-1))) steps.push(one);
    this.names = steps.map(({ name }) => name);
    this.step = Math.min(this.step, Math.max(0, this.names.length - 1));
  }

  /** Back to what the server thinks best. */
  forget() {
    this.step = 0;
    this.began(-Infinity);
  }

  /** What to ask for. */
  get rendition() {
    return this.step ? this.names[this.step] : 'auto';
  }

  /** The best, which was left; for the sentence that says why. */
  get best() {
    return this.names[0] ?? '';
  }

  /** A stream was asked for. */
  began(now) {
    this.begunAt = now;
    this.unrestAt = now;
  }

  /** A picture of the time `time` came. True when another rendition is to be asked for now. */
  picture(now, time) {
    const lag = now - time;
    if (Math.abs(lag - this.least) > OTHER_CLOCK) this.least = lag;
    this.least = Math.min(this.least, lag);
    const late = lag - this.least;
    if (late > PROMPT || now - this.begunAt < GRACE) this.unrestAt = now;
    if (now - this.begunAt < GRACE) return false;
    if (late > LATE) return this.lower(now);
    return now - this.unrestAt >= this.calm && this.raise(now);
  }

  lower(now) {
    if (this.step + 1 >= this.names.length) return false;
    if (this.triedAt !== null) this.calm = now - this.triedAt < SUCCESS ? Math.min(2 * this.calm, LONGEST_CALM) : FIRST_CALM;
    this.triedAt = null;
    this.step += 1;
    return true;
  }

  raise(now) {
    if (!this.step) return false;
    this.triedAt = now;
    this.step -= 1;
    return true;
  }
}
