// What hls.js says, and what its playlists have come to.

import { until } from './wait.js';

/** hls.js finds its way to the first picture by skips and nudges, where what it needs comes piece by piece: nothing is
 *  shown yet, and nothing failed. */
const STUMBLES = ['bufferSeekOverHole', 'bufferNudgeOnStall', 'bufferStalledError'];

/** How long after a timer that came late hls.js may stumble over it, in ms. */
const SHORTLY = 5000;

/** hls.js 1.7 sometimes appends to a buffer that it is busy with, where it changes the level at the start: it loses that
 *  part, skips the hole, and goes on. No server has a hand in that. */
const isOwnRace = ({ details, fatal, text }) => details === 'bufferAppendError' && !fatal && text.includes('is still processing');

/** The moments in which hls.js got into its own way, as starved.js tells those of the machine. */
export const races = (errors) => errors.filter(isOwnRace).map(({ when }) => ({ at: when, ms: 0 }));

/** Of the errors that a page of site/viewer.js noted those that are somebody's fault. `passed` are kinds that a test provokes;
 *  `late` are timers that came late, as starved.js finds them: shortly after one a stumble is the machine's. */
export function faults(errors, passed = [], late = []) {
  const upset = [...late, ...races(errors)];
  const starved = (when) => upset.some(({ at, ms }) => at - ms - 100 < when && when < at + SHORTLY);
  // `aborted` is hls.js taking back a request of its own, as when it changes the level.
  const harmless = (error) => error.details === 'aborted' || isOwnRace(error)
    || (!error.fatal && (!error.begun || starved(error.when)) && STUMBLES.includes(error.details));
  return errors.filter((error) => !harmless(error) && !(passed.includes(error.details) && !error.fatal));
}

/** Waits until the demo camera's playlist lists so many finished segments. */
export function untilSegments(server, count) {
  const listed = async () => {
    const response = await fetch(server.at('hls/demo/main/video.m3u8'));
    return (await response.text()).match(/^#EXTINF/gm)?.length >= count;
  };
  return until(`${count} segments`, listed, { within: 30_000 });
}
