// Live video by the browser's own HLS player, for where there is no MediaSource.

import { Backoff } from './backoff.js';
import { listCameras } from './cameras.js';
import { playsRendition, whyUnplayable } from './codecs.js';
import { playlistUrl } from './places.js';
import { readPromises, USUAL } from './playlists.js';
import { phaseOfCamera } from './words.js';

const TICK = 500;
const STALE_AFTER = 3;
const HOPELESS_AFTER = 15;
const ASK_EVERY = 5;
/** So many loads in vain, while the server says that the camera is live: there may be a better way. */
const GIVE_UP_AFTER = 3;

export class NativeTransport {

  /** Takes the same as `MseTransport`. The rendition is the player's own choice. */
  constructor(video, wish, host) {
    this.video = video;
    this.wish = wish;
    this.host = host;
    this.backoff = new Backoff();
    this.phase = { state: 'connecting', reason: '' };
    this.promises = USUAL;
    this.loads = 0;
    this.counters = { reconnects: 0, jumps: 0, stalls: 0, bytes: 0, switches: 0 };
  }

  get stats() {
    const { video } = this;
    const lag = this.lag();
    const { buffered, currentTime } = video;
    const ahead = buffered.length ? Math.max(0, buffered.end(buffered.length - 1) - currentTime) : 0;
    return { transport: 'hls', rendition: 'auto', why: '', mime: 'application/vnd.apple.mpegurl', latency: lag, buffered: ahead, target: this.promises.targetDuration, ...this.counters };
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.failures = 0;
    this.watch = (event) => this.onVideo(event);
    for (const name of ['error', 'playing', 'waiting', 'ended']) this.video.addEventListener(name, this.watch);
    this.ticker = setInterval(() => this.tick(), TICK);
    this.backoff.reset();
    this.load();
  }

  rest() {
    this.running = false;
    clearInterval(this.ticker);
    clearTimeout(this.retry);
    for (const name of ['error', 'playing', 'waiting', 'ended']) this.video.removeEventListener(name, this.watch);
    if (this.video.readyState >= 2) this.host.freeze();
    this.unload();
    this.phase = { state: 'connecting', reason: '' };
  }

  destroy() {
    this.rest();
  }

  select() {}

  goLive() {
    const lag = this.lag();
    const { holdBack } = this.promises;
    if (lag > holdBack) this.video.currentTime += lag - holdBack;
  }

  hurry() {
    if (this.running && this.phase.state !== 'live') this.load();
  }

  load() {
    clearTimeout(this.retry);
    this.retry = null;
    this.caughtUp = false;
    this.loads += 1;
    this.movedAt = now();
    if (this.video.readyState >= 2) this.host.freeze();
    this.video.src = playlistUrl(this.wish.camera, this.wish.base);
    this.video.load();
    this.host.play();
  }

  unload() {
    this.video.removeAttribute('src');
    this.video.load();
  }

  reloadLater() {
    if (this.retry) return;
    this.counters.reconnects += 1;
    this.failures += 1;
    this.retry = setTimeout(() => this.load(), this.backoff.next() * 1000);
  }

  lag() {
    const { seekable, currentTime } = this.video;
    return seekable.length ? Math.max(0, seekable.end(seekable.length - 1) - currentTime) : null;
  }

  onVideo({ type }) {
    if (type === 'playing') {
      this.catchUp();
    } else if (type === 'waiting') {
      if (this.phase.state === 'live') this.counters.stalls += 1;
    } else {
      this.enter('connecting', 'The stream broke off; trying again.');
      this.reloadLater();
      this.explain();
    }
  }

  /** Some releases start far behind, though the playlists let them be close; one seek brings them to live. */
  async catchUp() {
    if (this.caughtUp || this.lag() === null) return;
    this.caughtUp = true;
    const { loads } = this;
    this.promises = await readPromises(this.wish.camera, this.wish.base);
    const lag = this.lag();
    const { targetDuration, holdBack } = this.promises;
    if (!this.running || loads !== this.loads || lag === null || lag <= 2 * targetDuration) return;
    this.counters.jumps += 1;
    this.video.currentTime += lag - holdBack;
  }

  tick() {
    const time = now();
    const { currentTime, paused, readyState } = this.video;
    if (currentTime !== this.lastTime) {
      this.lastTime = currentTime;
      this.movedAt = time;
    }
    const stands = time - this.movedAt;
    if (!paused && readyState >= 2 && currentTime > 0 && stands < STALE_AFTER) {
      this.enter('live', '');
      this.backoff.reset();
      this.failures = 0;
      return;
    }
    if (this.phase.state === 'live') this.enter('connecting', 'No new pictures arrive.');
    if (time - (this.askedAt ?? 0) > ASK_EVERY) this.explain();
    if (stands > HOPELESS_AFTER && !paused) this.reloadLater();
  }

  /** The player does not say why it fails; the list of cameras does. */
  async explain() {
    this.askedAt = now();
    const { camera, base } = this.wish;
    try {
      const found = (await listCameras(base)).find(({ name }) => name === camera);
      if (!this.running || this.phase.state === 'live') return;
      if (!found) {
        this.enter('offline', `There is no camera named “${camera}”.`);
        return;
      }
      const phase = phaseOfCamera(found) ?? this.codecTrouble(found);
      if (phase) this.enter(phase.state, phase.reason, phase.retryAt);
      else if (this.phase.state !== 'connecting') this.enter('connecting', '');
      if (phase) return;
      if (this.failures >= GIVE_UP_AFTER) this.host.giveUp();
      else if (this.retry) this.load(); // the server is back: no need to wait any longer
    } catch (error) {
      if (!this.running || this.phase.state === 'live') return;
      if (error.kind === 'denied') this.enter('denied', '');
      else this.enter('connecting', 'The server does not answer; trying again.');
    }
  }

  codecTrouble(camera) {
    const plays = (mime) => this.video.canPlayType(mime) !== '';
    if ((camera.renditions ?? []).some((rendition) => playsRendition(rendition, plays))) return null;
    const reason = whyUnplayable(camera, 'auto', plays);
    return reason && { state: 'unsupported', reason };
  }

  enter(state, reason, retryAt = null) {
    const { phase } = this;
    if (phase.state === state && phase.reason === reason && (phase.retryAt ?? null) === retryAt) return;
    this.phase = { state, reason, retryAt };
    this.host.changed();
  }
}

function now() {
  return performance.now() / 1000;
}
