// Live video over a WebSocket into a MediaSource.
//
// The feed: a text `init` and its binary init segment, then one binary message a chunk. The MediaSource outlives
// the socket, so the last picture stays while the socket is being reopened.

import { Backoff } from './backoff.js';
import { MediaBuffer } from './buffer.js';
import { firstSample, timescales } from './boxes.js';
import { listCameras } from './cameras.js';
import { cannotPlay, codecsOf, codecsOfCamera, isWebKit, playableCodecs, spelledForBrowser } from './codecs.js';
import { LiveEdge } from './edge.js';
import { Liveness } from './liveness.js';
import { feedUrl } from './places.js';
import { phaseOfCamera } from './words.js';

const PROTOCOL = 'belvedere.mse.v1';
const TICK = 100;
const REPORT_EVERY = 2;
/** A new stretch that begins this close to the end of the old one goes on without a seek. */
const FOLLOWS_ON = { before: 0.05, after: 2 };
const VIDEO_TRACK = 1;
/** A socket that says nothing for this long is dead, whatever the system thinks; longer when the camera is down. */
const SILENCE = { live: 12, down: 65 };
const SELECT_TIMEOUT = 3000;
/** So much undisturbed playing makes a success of an attempt. */
const SETTLED_AFTER = 4;

const CLOSE = { denied: 1008, failed: 1011, removed: 4404, codecs: 4406 };

export class MseTransport {
  name = 'mse';

  /** @param video the element to play in
   *  @param wish `{camera, rendition, base, latency}`
   *  @param host `{changed(), play(), freeze()}` */
  constructor(video, wish, host) {
    this.video = video;
    this.wish = wish;
    this.host = host;
    this.backoff = new Backoff();
    this.edge = new LiveEdge({ floor: wish.latency, gentle: !isWebKit() });
    this.phase = { state: 'connecting', reason: '' };
    this.counters = { reconnects: 0, jumps: 0, stalls: 0, bytes: 0 };
    this.liveness = new Liveness();
    this.rendition = '';
    this.mime = '';
    this.newBuffer();
  }

  get stats() {
    const { currentTime } = this.video;
    const ranges = this.buffer.ranges;
    const newest = ranges[ranges.length - 1];
    const current = ranges.find(([start, end]) => start <= currentTime + 0.1 && end > currentTime);
    return {
      transport: this.name,
      rendition: this.rendition,
      mime: this.mime,
      latency: newest ? Math.max(0, newest[1] - currentTime) : null,
      buffered: current ? current[1] - currentTime : 0,
      target: this.edge.target,
      ...this.counters,
    };
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.ticker = setInterval(() => this.tick(), TICK);
    this.watch = (event) => this.onVideo(event);
    for (const name of ['error', 'waiting']) this.video.addEventListener(name, this.watch);
    this.backoff.reset();
    this.connect();
  }

  /** Closes the connection and keeps the last picture. */
  rest() {
    this.running = false;
    clearInterval(this.ticker);
    clearTimeout(this.retry);
    clearTimeout(this.selecting);
    for (const name of ['error', 'waiting']) this.video.removeEventListener(name, this.watch);
    this.hangUp();
    this.buffer.dropQueue();
    this.begun = false;
    this.phase = { state: 'connecting', reason: '' };
  }

  destroy() {
    this.rest();
    this.buffer.close();
    this.video.srcObject = null;
    this.video.removeAttribute('src');
    this.video.load();
  }

  /** Goes on with another rendition; asks over the open socket when there is one. */
  select(rendition) {
    this.wish.rendition = rendition;
    if (!this.running) return;
    if (this.socket?.readyState !== WebSocket.OPEN) {
      this.reconnectNow();
      return;
    }
    this.say({ type: 'select', rendition });
    clearTimeout(this.selecting);
    this.selecting = setTimeout(() => this.reconnectNow(), SELECT_TIMEOUT);
  }

  /** The network is back, or the viewer is impatient: do not wait for the next attempt. */
  hurry() {
    if (this.running && this.socket?.readyState !== WebSocket.OPEN) this.reconnectNow();
  }

  // The socket.

  connect() {
    clearTimeout(this.retry);
    const { camera, rendition, base } = this.wish;
    const query = { rendition: rendition || 'auto', codecs: playableCodecs().join(',') };
    const socket = new WebSocket(feedUrl(camera, query, base), PROTOCOL);
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.heardAt = now();
    this.awaitsInit = null;
    this.begun = false;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.heardAt = now();
    };
    socket.onmessage = ({ data }) => {
      this.heardAt = now();
      if (typeof data === 'string') this.onText(data);
      else this.onBytes(data);
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.onClose(event, opened);
    };
  }

  hangUp() {
    const { socket } = this;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
  }

  reconnectNow() {
    this.hangUp();
    this.buffer.dropQueue();
    this.counters.reconnects += 1;
    this.connect();
  }

  reconnectLater(seconds) {
    this.hangUp();
    this.buffer.dropQueue();
    clearTimeout(this.retry);
    this.retry = setTimeout(() => {
      this.counters.reconnects += 1;
      this.connect();
    }, seconds * 1000);
  }

  say(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  onClose({ code, reason }, opened) {
    if (!this.running) return;
    clearTimeout(this.selecting);
    switch (code) {
      case CLOSE.denied:
        this.enter('denied', reason);
        this.reconnectLater(this.backoff.patient());
        return;
      case CLOSE.removed:
        this.enter('offline', reason || 'This camera was removed.');
        this.reconnectLater(this.backoff.patient());
        return;
      case CLOSE.codecs:
        this.enter('unsupported', reason);
        this.reconnectLater(this.backoff.patient());
        this.explain();
        return;
      case CLOSE.failed:
        this.enter('offline', reason || 'The camera failed; trying again.');
        break;
      default:
        // Nothing is said yet when the socket was fine: the next attempt may succeed before the picture stops.
        this.lost = opened ? 'The connection was lost; trying again.' : 'The server does not answer; trying again.';
        if (!opened) this.explain();
    }
    this.reconnectLater(this.backoff.next());
  }

  /** A browser hides why a WebSocket was refused; the list of cameras tells. */
  async explain() {
    const { camera, base } = this.wish;
    const asked = now();
    const late = () => !this.running || this.mediaAt > asked;
    let found;
    try {
      found = (await listCameras(base)).find(({ name }) => name === camera);
    } catch (error) {
      if (late()) return;
      if (error.kind === 'denied') this.enter('denied', '');
      return;
    }
    if (late()) return;
    if (!found) {
      this.enter('offline', `There is no camera named “${camera}”.`);
    } else if (this.phase.state === 'unsupported') {
      const codecs = new Set(codecsOfCamera(found).flat());
      if (codecs.size) this.enter('unsupported', cannotPlay([...codecs]));
    } else {
      const phase = phaseOfCamera(found.state, found.reason);
      if (phase) this.enter(phase.state, phase.reason);
    }
  }

  // The feed.

  onText(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message.type === 'init') this.onInit(message);
    else if (message.type === 'status') this.onStatus(message);
  }

  onStatus({ state, reason }) {
    const phase = phaseOfCamera(state, reason);
    this.lost = '';
    if (phase) this.enter(phase.state, phase.reason);
    else if (this.phase.state !== 'live') this.enter('connecting', '');
  }

  onInit({ mime, rendition }) {
    clearTimeout(this.selecting);
    this.rendition = rendition ?? '';
    this.mime = mime;
    this.begun = true;
    this.awaitsInit = null;
    if (!spelledForBrowser(mime)) {
      this.begun = false;
      this.enter('unsupported', cannotPlay(codecsOf(mime)));
      this.reconnectLater(this.backoff.patient());
      return;
    }
    this.awaitsInit = mime;
    this.host.changed();
  }

  onBytes(bytes) {
    this.counters.bytes += bytes.byteLength;
    if (this.awaitsInit) {
      this.pending = { mime: this.awaitsInit, bytes, scales: timescales(bytes) };
      this.awaitsInit = null;
      return;
    }
    if (!this.begun) return;
    this.mediaAt = now();
    if (this.pending) this.beginStretch(this.pending, bytes);
    if (firstSample(bytes, this.scales)?.track === VIDEO_TRACK) this.liveness.fed(this.mediaAt);
    this.buffer.media(bytes);
    if (this.phase.state === 'offline' || this.phase.state === 'unsupported') this.enter('connecting', '');
  }

  /** The first chunk after an init tells whether the new stretch follows the old one or lies elsewhere in time. */
  beginStretch({ mime, bytes, scales }, chunk) {
    this.pending = null;
    this.lost = '';
    if (!this.buffer.takes(mime)) this.rebuild();
    const start = firstSample(chunk, scales)?.time ?? null;
    this.scales = scales;
    const ranges = this.buffer.ranges;
    const end = ranges.length ? ranges[ranges.length - 1][1] : null;
    const follows = end !== null && start !== null && start >= end - FOLLOWS_ON.before && start <= end + FOLLOWS_ON.after;
    if (end !== null && !follows) {
      this.host.freeze();
      this.buffer.wipe(() => this.edge.join(now()));
    }
    this.buffer.init(mime, bytes);
    this.host.play();
  }

  // The picture.

  newBuffer() {
    this.buffer = new MediaBuffer(this.video, {
      broken: (why) => this.onBroken(why),
      overflow: () => this.onOverflow(),
      appended: () => this.follow(),
    });
  }

  /** A new MediaSource under the last picture. */
  rebuild() {
    this.host.freeze();
    this.buffer.close();
    this.newBuffer();
    this.liveness.fedSince = null;
    this.edge.join(now());
  }

  onBroken(why) {
    if (!this.running || this.mending) return;
    this.mending = true; // closing the old source may report trouble again
    this.lost = `Playing failed (${why}); starting over.`;
    this.rebuild();
    this.reconnectLater(this.backoff.next());
    this.mending = false;
  }

  onOverflow() {
    if (!this.running) return;
    this.buffer.wipe(() => this.edge.join(now()));
    this.reconnectLater(this.backoff.next());
  }

  onVideo({ type }) {
    if (type === 'error') this.onBroken(this.video.error?.message || 'the browser could not decode the video');
    else if (this.phase.state === 'live' && !this.video.seeking) this.counters.stalls += 1;
  }

  tick() {
    this.buffer.pump();
    this.follow();
    this.judge();
    const time = now();
    if (time - (this.reportedAt ?? 0) >= REPORT_EVERY) {
      this.reportedAt = time;
      const { buffered, latency } = this.stats;
      if (latency !== null) this.say({ type: 'report', buffered: round(buffered), latency: round(latency) });
    }
    const silence = time - this.heardAt;
    const patience = this.phase.state === 'offline' ? SILENCE.down : SILENCE.live;
    if (this.socket && silence > Math.max(patience, 3 * this.liveness.usualPause)) this.reconnectNow();
  }

  /** Keeps the video element near the newest picture. */
  follow() {
    if (!this.running) return;
    const { video, edge } = this;
    const ranges = this.buffer.ranges;
    const step = edge.decide({ now: now(), time: video.currentTime, paused: video.paused, ranges });
    if (step.rebuild) {
      this.onBroken('the picture stood still');
      return;
    }
    if (step.seek !== undefined) {
      if (step.why !== 'join') this.counters.jumps += 1;
      video.currentTime = step.seek;
    }
    if (video.playbackRate !== step.rate) video.playbackRate = step.rate;
  }

  /** Decides whether what is on the screen may be called live. */
  judge() {
    const time = now();
    const { currentTime, paused, readyState } = this.video;
    this.liveness.observe(time, currentTime, this.buffer.ranges.at(-1)?.[1]);
    if (this.liveness.wedged(time) && this.buffer.wanted && !paused) {
      this.onBroken('pictures go in and none come out');
      return;
    }
    const alive = !paused && currentTime > 0 && this.liveness.alive(time);
    if (alive && (this.phase.state === 'live' || (readyState >= 2 && !this.video.seeking))) {
      this.settle(time);
    } else if (this.phase.state === 'live') {
      this.enter('connecting', this.lost || 'No new pictures arrive.');
    } else if (this.phase.state === 'connecting' && this.lost && this.phase.reason !== this.lost) {
      this.enter('connecting', this.lost);
    }
  }

  settle(time) {
    if (this.phase.state === 'connecting') {
      this.liveSince = time;
      this.enter('live', '');
    }
    if (this.phase.state === 'live' && time - this.liveSince > SETTLED_AFTER) this.backoff.reset();
  }

  enter(state, reason) {
    if (this.phase.state === state && this.phase.reason === reason) return;
    this.phase = { state, reason };
    this.host.changed();
  }
}

function now() {
  return performance.now() / 1000;
}

function round(seconds) {
  return Math.round(seconds * 1000) / 1000;
}
