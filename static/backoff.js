// How long to wait before the next attempt: at once after a hiccup, ever more patient after that.

const STEPS = [0.3, 1, 2, 4, 8, 15];

export class Backoff {
  constructor(random = Math.random) {
    this.random = random;
    this.attempt = 0;
  }

  /** Seconds until the next attempt, between 75 % and 125 % of the step, so that a wall of viewers does not knock together. */
  next() {
    const step = STEPS[Math.min(this.attempt, STEPS.length - 1)];
    this.attempt += 1;
    return step * (0.75 + this.random() / 2);
  }

  /** Skips ahead to the longest pause: for answers that will not change soon. */
  patient() {
    this.attempt = STEPS.length;
    return this.next();
  }

  reset() {
    this.attempt = 0;
  }
}
