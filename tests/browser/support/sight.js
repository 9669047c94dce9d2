// What a player shows, asked in any browser.

import { until } from './wait.js';

/** The zero of Belvedere's timelines; the time of a picture counts from there. */
const ZERO = Date.UTC(2026) / 1000;
/** So many seconds behind life count as live, on a machine that lets the player be so close. */
const CLOSE = 1;
/** Pictures that come unevenly, as on a machine that stalls, make the player keep more in hand, and this much beside. */
const BESIDE = 0.7;

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
    return this.until(what, ({ state, time, age, stats }) => (
      state === 'live' && time !== before && age < Math.max(CLOSE, stats.target + BESIDE)
    ));
  }

  /** From now on the page takes note of how long it takes, when somebody looks at it again, until it shows a picture that
   *  is less than a second old. */
  timeReturns() {
    return this.tab.evaluate(({ zero, close }) => {
      const player = document.querySelector('belvedere-player');
      document.addEventListener('visibilitychange', () => {
        globalThis.returned = null;
        if (document.hidden) return;
        const seen = performance.now();
        const look = (_, { mediaTime }) => {
          const fresh = player.state === 'live' && Date.now() / 1000 - zero - mediaTime < close;
          if (fresh) globalThis.returned = (performance.now() - seen) / 1000;
          else if (!document.hidden) player.video.requestVideoFrameCallback(look);
        };
        player.video.requestVideoFrameCallback(look);
      });
    }, { zero: ZERO, close: CLOSE });
  }

  /** How many seconds that took. */
  async returned() {
    const ask = () => this.tab.evaluate(() => globalThis.returned);
    const state = async () => JSON.stringify(await this.facts(), null, 1);
    return Math.round(await until('a new picture after the return', ask, { within: 60_000, state }) * 1000) / 1000;
  }

  /** From now on the page takes note of whether the player is ever blank, and whether it ever goes back in time. */
  watchPicture() {
    return this.tab.evaluate(() => {
      const { video, shadowRoot } = document.querySelector('belvedere-player');
      const still = shadowRoot.querySelector('.still');
      const seen = { blank: 0, backwards: [] };
      globalThis.seen = seen;
      setInterval(() => { if (!video.readyState && still.hidden) seen.blank += 1; }, 20);
      let last = 0;
      setInterval(() => {
        const { currentTime: time } = video;
        if (time < last) seen.backwards.push([last, time]);
        last = time;
      }, 20);
    });
  }

  /** What it took note of: `{blank, backwards}`. */
  seen() {
    return this.tab.evaluate(() => globalThis.seen);
  }
}
