// What a player shows, asked in any browser.

import { until } from './wait.js';

/** The zero of Belvedere's timelines; the time of a picture counts from there. */
const ZERO = Date.UTC(2026) / 1000;
/** So close to life counts as live. */
export const CLOSE = 1;

export class Sight {
  constructor(tab) {
    this.tab = tab;
  }

  /** Player and picture as they are now; `age` is how many seconds ago the picture was taken. */
  facts() {
    return this.tab.evaluate((zero) => {
      const player = document.querySelector('belvedere-player');
      if (!player) return { state: 'no player' };
      const { video, state, reason, stats } = player;
      const { currentTime: time, videoWidth: width, videoHeight: height, paused, readyState, muted } = video;
      return { state, reason, stats, time, width, height, paused, readyState, muted, hidden: document.hidden, age: Date.now() / 1000 - zero - time };
    }, ZERO);
  }

  /** Waits until `ask(facts)` holds; returns the facts and how many seconds it took. */
  async until(what, ask, within = 60_000) {
    const begun = performance.now();
    const look = async () => {
      const facts = await this.facts();
      return ask(facts) && facts;
    };
    const state = async () => `${JSON.stringify(await this.facts(), null, 1)}\n${this.tab.complaints.join('\n')}`;
    const facts = await until(what, look, { within, every: 100, state });
    return { ...facts, took: (performance.now() - begun) / 1000 };
  }

  /** Waits until the picture moves, less than a second behind life. */
  async untilLive(what = 'live, and less than a second behind') {
    const { time: before } = await this.facts();
    return this.until(what, ({ state, time, age }) => state === 'live' && time !== before && age < CLOSE);
  }
}
