// Runs in each page before the page's own scripts, and takes note of what happens. `globalThis.probe` has it.

(() => {
  const seen = {
    /** Pictures shown. */
    frames: 0,
    /** Milliseconds from the start of the page's load to the first picture. */
    firstFrame: null,
    /** Times the video ran dry. */
    waits: [],
    states: [],
    violations: [],
    video: null,
    /** Timers that came late, by the wall clock in ms: see starved.js. */
    late: [],
  };
  globalThis.probe = seen;

  const every = 20;
  let expected = Date.now() + every;
  setInterval(() => {
    const at = Date.now();
    if (at - expected > 100) seen.late.push({ at, ms: at - expected });
    expected = at + every;
  }, every);

  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
    seen.violations.push(`${violatedDirective}: ${blockedURI}`);
  });
  // Not bubbling, but caught on the way down.
  addEventListener('statechange', ({ target, detail }) => {
    seen.states.push({ at: Math.round(performance.now()), camera: target.camera, ...detail });
  }, { capture: true });

  function watch(video) {
    seen.video = video;
    const count = () => {
      seen.frames += 1;
      seen.firstFrame ??= performance.now();
      video.requestVideoFrameCallback(count);
    };
    video.requestVideoFrameCallback(count);
    video.addEventListener('waiting', () => seen.waits.push(Math.round(performance.now())));
  }

  const search = new MutationObserver(() => {
    const video = document.querySelector('belvedere-player')?.video ?? document.querySelector('video');
    if (!video) return;
    search.disconnect();
    watch(video);
  });
  search.observe(document, { childList: true, subtree: true });

  /** Watches for `seconds`: how far the video went, how far behind it was, what it lost. */
  seen.measure = (seconds) => new Promise((resolve) => {
    const { video } = seen;
    const player = document.querySelector('belvedere-player');
    const latency = () => (player ? player.stats.latency : globalThis.viewer.hls?.latency ?? NaN);
    const dropped = () => video.getVideoPlaybackQuality().droppedVideoFrames;
    const begin = {
      at: performance.now(), time: video.currentTime, frames: seen.frames, waits: seen.waits.length,
      dropped: dropped(), stalls: player?.stats.stalls ?? 0, jumps: player?.stats.jumps ?? 0,
    };
    const latencies = [];
    const sampling = setInterval(() => {
      latencies.push(latency());
      const elapsed = performance.now() - begin.at;
      if (elapsed < seconds * 1000) return;
      clearInterval(sampling);
      latencies.sort((a, b) => a - b);
      resolve({
        elapsed: elapsed / 1000,
        advanced: video.currentTime - begin.time,
        frames: seen.frames - begin.frames,
        dropped: dropped() - begin.dropped,
        waits: seen.waits.length - begin.waits,
        stalls: (player?.stats.stalls ?? 0) - begin.stalls,
        jumps: (player?.stats.jumps ?? 0) - begin.jumps,
        latency: { median: latencies[Math.floor(latencies.length / 2)], most: latencies[latencies.length - 1] },
      });
    }, 100);
  });

  /** Where the demo camera's bead is in `count` pictures: `{at, x}`, `at` by the wall clock in seconds, `x` from 0 to 1. */
  seen.bead = (count) => new Promise((resolve) => {
    const { video } = seen;
    const canvas = new OffscreenCanvas(1, 1);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    const sightings = [];
    const look = () => {
      const at = Date.now() / 1000;
      const { videoWidth: width, videoHeight: height } = video;
      Object.assign(canvas, { width, height });
      context.drawImage(video, 0, 0);
      // The rail's height; the bead is the only warm light there.
      const row = context.getImageData(0, Math.round((height * 1016) / 1080), width, 1).data;
      let [sum, weight] = [0, 0];
      for (let x = 0; x < width; x += 1) {
        const warmth = Math.max(0, row[4 * x] - row[4 * x + 2] - 60);
        sum += x * warmth;
        weight += warmth;
      }
      if (weight) sightings.push({ at, x: sum / weight / width });
      if (sightings.length < count) video.requestVideoFrameCallback(look);
      else resolve(sightings);
    };
    video.requestVideoFrameCallback(look);
  });
})();
