// Waiting for facts, not for time.

import { setTimeout as pause } from 'node:timers/promises';

/** Asks until the answer is true-ish, and returns that answer.
 *  `what` names the fact in the error of a wait in vain; `state` adds what is known then. */
export async function until(what, ask, { within = 10_000, every = 50, state = () => '' } = {}) {
  const end = performance.now() + within;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (performance.now() > end) {
      throw new Error(`waited ${within / 1000} s in vain: ${what}\n${await state()}`.trimEnd());
    }
    await pause(every);
  }
}

/** A stretch of time that is itself part of what is tested: an outage, or a time of watching. */
export async function lasting(seconds) {
  await pause(seconds * 1000);
}
