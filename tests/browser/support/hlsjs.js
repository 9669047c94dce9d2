// What hls.js says, and what its playlists have come to.

import { until } from './wait.js';

/** hls.js finds its way to the first picture by skips and nudges, where what it needs comes piece by piece: nothing is
 *  shown yet, and nothing failed. */
const BEFORE_THE_FIRST_PICTURE = ['bufferSeekOverHole', 'bufferNudgeOnStall', 'bufferStalledError'];

/** Of the errors that a page of site/viewer.js noted those that are somebody's fault. `passed` are kinds that a test provokes. */
export function faults(errors, passed = []) {
  // `aborted` is hls.js taking back a request of its own, as when it changes the level.
  const harmless = ({ details, fatal, begun }) => details === 'aborted'
    || (!fatal && !begun && BEFORE_THE_FIRST_PICTURE.includes(details));
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
