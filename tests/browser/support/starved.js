// A machine that does not let browser or test run tells nothing of the server.

import { monitorEventLoopDelay } from 'node:perf_hooks';

/** A timer that comes later than this, in ms, was starved: a part of media is not much longer. */
const LATE = 200;
const EVERY = 20;

/** Watches how late timers come, in this process and in a page. */
export class Starvation {
  static async watch(view) {
    const watch = new Starvation();
    watch.view = view;
    watch.here = monitorEventLoopDelay({ resolution: EVERY });
    watch.here.enable();
    await view.page.evaluate((every) => {
      globalThis.latest = { at: performance.now(), most: 0 };
      setInterval(() => {
        const now = performance.now();
        globalThis.latest.most = Math.max(globalThis.latest.most, now - globalThis.latest.at - every);
        globalThis.latest.at = now;
      }, every);
    }, EVERY);
    return watch;
  }

  /** The latest timer in ms, if it was too late. */
  async found() {
    this.here.disable();
    const there = await this.view.page.evaluate(() => globalThis.latest.most);
    const most = Math.max(there, this.here.max / 1e6 - EVERY);
    return most > LATE ? Math.round(most) : 0;
  }
}
