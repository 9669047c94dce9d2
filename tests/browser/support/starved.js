// A machine that does not let browser or test run tells nothing of the server.

import { Stage } from './stage.js';

/** A timer that comes later than this, in ms, was starved: a part of media is not much longer. */
const LATE = 200;
const EVERY = 20;
/** What a starved machine spoils is looked at again, so often in all. */
const ROUNDS = 3;

/** Watches how late timers come, in this process; probe.js does the same in each page. */
export class Starvation {
  #late = [];

  constructor() {
    let expected = Date.now() + EVERY;
    this.timer = setInterval(() => {
      const at = Date.now();
      if (at - expected > LATE) this.#late.push({ at, ms: at - expected });
      expected = at + EVERY;
    }, EVERY);
  }

  /** The timers that came too late, here and in `views`: `{at, ms}`, `at` by the wall clock. */
  async found(views) {
    const there = views.map((view) => view.page.evaluate(() => globalThis.probe.late).catch(() => []));
    return [...this.#late, ...(await Promise.all(there)).flat()].filter(({ ms }) => ms > LATE);
  }

  stop() {
    clearInterval(this.timer);
  }
}

/** Runs `body(stage, starvation)`. If it fails on a machine that starved it, that counts for nothing, and it is run again;
 *  a fault of the server is there in the next round too, and a fault on a calm machine counts at once. */
export async function patiently(t, body, rounds = ROUNDS) {
  for (let round = 1; ; round += 1) {
    const stage = new Stage(t);
    const starvation = new Starvation();
    try {
      return await body(stage, starvation);
    } catch (error) {
      const late = await starvation.found(stage.views);
      if (!late.length || round === rounds) throw error;
      const worst = Math.max(...late.map(({ ms }) => ms));
      t.diagnostic(`once more, since ${late.length} timers came late, one by ${worst} ms: ${error.message}`);
      await stage.strike();
    } finally {
      starvation.stop();
    }
  }
}
