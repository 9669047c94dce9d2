// The delay from the camera to the glass, read off the picture itself.

// The demo camera draws a bead that swings over a rail once in four seconds, in step with the wall clock; in
// fractions of the picture's width. See src/demo/clip/make.sh.
const PERIOD = 4;
const MIDDLE = 562 / 1920;
const SWING = 396 / 1920;

/** How many seconds old the pictures in `sightings` (`{at, x}`) were when they were seen, and how well they agree
 *  (root mean square, in seconds at the bead's usual speed). Delays are known up to four seconds. */
export function delayOf(sightings) {
  let best = { delay: NaN, error: Infinity };
  for (let delay = -0.5; delay < PERIOD - 0.5; delay += 0.005) {
    const squares = sightings.map(({ at, x }) => {
      const expected = MIDDLE + SWING * Math.sin((2 * Math.PI * (at - delay)) / PERIOD);
      return (x - expected) ** 2;
    });
    const error = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length);
    if (error < best.error) best = { delay, error };
  }
  return { delay: best.delay, error: best.error / ((SWING * 4) / PERIOD) };
}
