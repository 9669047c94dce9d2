// Live video over a link into a MediaSource.
//
// The feed: a text `init` and its binary init segment, then one binary message a chunk, over a WebSocket or, where those
// are blocked, over `fetch`. The MediaSource outlives the link, so the last picture stays while the link is made anew.

import { Backoff } from './backoff.js';
import { MediaBuffer } from './buffer.js';
import { firstSample, timescales } from './boxes.js';
import { listCameras } from './cameras.js';
import { cannotPlay, codecsOf, isWebKit, playableCodecs, playsHlsNatively, playsRendition, spelledForBrowser, whyUnplayable } from './codecs.js';
import { LiveEdge } from './edge.js';
import { Ladder } from './ladder.js';
import { Liveness } from './liveness.js';
import { playlistUrl } from './places.js';
import { Thrift } from './thrift.js';
import { phaseOfCamera, sentence } from './words.js';

const TICK = 100;
const REPORT_EVERY = 1;
/** A new stretch that begins this close to the end of the old one goes on without a seek; what overlaps is replaced. */
const FOLLOWS_ON = { before: 3, after: 2 };
const VIDEO_TRACK = 1;
/** A socket that says nothing for this long is dead, whatever the system thinks; longer when the camera is down. */
const SILENCE = { live: 12, down: 65, opening: 8 };
const SELECT_TIMEOUT = 3000;
/** So much undisturbed playing makes a success of an attempt. */
const SETTLED_AFTER = 4;
/** So many attempts without a piece of media, while the server says that the camera is live: the way is blocked. */
const BLOCKED_AFTER = 2;
/** So many failures of the browser to play what arrives, without playing in between: it cannot. */
const HOPELESS_AFTER = 4;

const CLOSE = { denied: 1008, failed: 1011, removed: 4404, codecs: 4406 };

export class MseTransport {
  /** @param video the element to play in
   *  @param wish `{camera, rendition, base, latency, links}`; `links` are the classes of links to use, best first
   *  @param host `{changed(), play(), freeze(), giveUp(), note(sentence)}` */
  constructor(video, wish, host) {
    this.video = video;
    this.wish = wish;
    this.host = host;
    this.backoff = new Backoff();
    this.ladder = new Ladder(wish.links);
    this.fruitless = 0;
    this.failures = 0;
    this.edge = new LiveEdge({ floor: wish.latency, gentle: !isWebKit() });
    this.phase = { state: 'connecting', reason: '' };
    this.counters = { reconnects: 0, jumps: 0, stalls: 0, bytes: 0, switches: 0 };
    this.liveness = new Liveness();
    this.thrift = new Thrift();
    this.rendition = '';
    this.why = '';
    this.mime = '';
    this.newBuffer();
  }

  get stats() {
    const { currentTime } = this.video;
    const ranges = this.buffer.ranges;
    const newest = ranges[ranges.length - 1];
    const current = ranges.find(([start, end]) => start <= currentTime + 0.1 && end > currentTime);
    return {
      transport: (this.link ?? this.ladder.best(now())).transport,
      rendition: this.rendition,
      why: this.why,
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
    this.resting = false;
    this.phase = { state: 'connecting', reason: '' };
  }

  destroy() {
    this.rest();
    this.buffer.close();
    this.video.srcObject = null;
    this.video.removeAttribute('src');
    this.video.replaceChildren();
    this.video.load();
  }

  /** Goes on with another rendition; asks over the open socket when there is one. */
  select(rendition) {
    this.wish.rendition = rendition;
    this.why = '';
    this.thrift.forget();
    if (!this.running) return;
    if (!this.link?.say({ type: 'select', rendition })) {
      this.reconnectNow();
      return;
    }
    clearTimeout(this.selecting);
    this.selecting = setTimeout(() => this.reconnectNow(), SELECT_TIMEOUT);
  }

  goLive() {
    this.edge.join(now());
  }

  /** The network is back, or the viewer is impatient: do not wait for the next attempt. */
  hurry() {
    if (this.running && !this.opened) this.reconnectNow();
  }

  // The link.

  connect() {
    clearTimeout(this.retry);
    this.why = '';
    const { camera, base } = this.wish;
    const Link = this.ladder.best(now());
    const query = { rendition: this.isThrifty(Link) ? this.thrift.rendition : this.wish.rendition || 'auto', codecs: playableCodecs().join(',') };
    if (this.isThrifty(Link)) this.beThrifty();
    this.heardAt = now();
    this.awaitsInit = null;
    this.begun = false;
    this.opened = false;
    this.fruitful = false;
    const heard = (act) => (data) => {
      this.heardAt = now();
      act(data);
    };
    this.link = new Link({ camera, base, query }, {
      open: heard(() => { this.opened = true; }),
      text: heard((text) => this.onText(text)),
      bytes: heard((bytes) => this.onBytes(bytes)),
      closed: (end) => this.onClose(end),
    });
  }

  /** True where the choice is the server's, and it does not see how the line is. */
  isThrifty(Link) {
    return Boolean(Link.unjudged) && ['auto', ''].includes(this.wish.rendition ?? '');
  }

  /** Begins to judge the line. */
  async beThrifty() {
    const { thrift, wish: { camera, base } } = this;
    thrift.began(now());
    if (thrift.step) this.why = `this connection is too slow for ${thrift.best}`;
    if (thrift.names.length) return;
    try {
      const found = (await listCameras(base)).find(({ name }) => name === camera);
      thrift.offer((found?.renditions ?? []).filter((rendition) => playsRendition(rendition)));
    } catch {
      // without a list there is no choice; the next connection asks again
    }
  }

  hangUp() {
    this.link?.close();
    this.link = null;
    this.opened = false;
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

  /** This way did not lead to the camera, though the server says that it is live; after some times another is taken. */
  suspect(way) {
    this.fruitless += 1;
    if (this.fruitless < BLOCKED_AFTER) return;
    this.fruitless = 0;
    const another = this.ladder.failed(way, now());
    if (another) this.reconnectNow();
    else this.host.giveUp();
  }

  onClose({ code, reason, opened }) {
    if (!this.running) return;
    clearTimeout(this.selecting);
    const way = this.link.constructor;
    if (!this.fruitful) this.thrift.forget();
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
        if (!this.fruitful) this.explain(way);
    }
    this.reconnectLater(this.backoff.next());
  }

  /** A browser hides why a WebSocket was refused; the list of cameras tells. */
  async explain(way) {
    const { camera, base } = this.wish;
    const asked = now();
    const late = () => !this.running || this.mediaAt > asked;
    let found;
    try {
      found = (await listCameras(base)).find(({ name }) => name === camera);
    } catch (error) {
      this.fruitless = 0; // nothing leads to the server, so this way is no worse than others
      if (late()) return;
      if (error.kind === 'denied') this.enter('denied', '');
      return;
    }
    if (late()) return;
    if (!found) {
      this.enter('offline', `There is no camera named “${camera}”.`);
    } else if (this.phase.state === 'unsupported') {
      const reason = whyUnplayable(found, this.wish.rendition);
      if (reason) this.enter('unsupported', reason);
    } else {
      const phase = phaseOfCamera(found);
      if (phase) this.enter(phase.state, phase.reason, phase.retryAt);
      else if (way) this.suspect(way);
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
    else if (message.type === 'rendition') this.onRendition(message);
  }

  /** The server chose this rendition, and says why. */
  onRendition({ why, reason }) {
    this.why = why === 'calm' ? '' : reason ?? '';
    this.host.note(sentence(this.why));
  }

  onStatus(status) {
    const phase = phaseOfCamera(status);
    this.lost = '';
    if (phase) this.enter(phase.state, phase.reason, phase.retryAt);
    else if (this.phase.state !== 'live') this.enter('connecting', '');
  }

  onInit({ mime, rendition }) {
    clearTimeout(this.selecting);
    if (this.why && this.link?.constructor.unjudged) this.host.note(sentence(this.why));
    const counted = this.link && this.isThrifty(this.link.constructor);
    if (!counted && this.rendition && rendition && rendition !== this.rendition) this.counters.switches += 1;
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
    this.fruitful = true;
    this.fruitless = 0;
    if (this.pending) this.beginStretch(this.pending, bytes);
    const first = firstSample(bytes, this.scales);
    const picture = first?.track === VIDEO_TRACK;
    if (picture) this.liveness.fed(this.mediaAt);
    this.buffer.media(bytes, picture && first.sync ? first.time : null);
    if (this.phase.state === 'offline' || this.phase.state === 'unsupported') this.enter('connecting', '');
    if (!picture || !this.link || !this.isThrifty(this.link.constructor) || !this.thrift.picture(this.mediaAt, first.time)) return;
    this.counters.switches += 1;
    this.reconnectNow();
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
    const { camera, base } = this.wish;
    const alternative = playsHlsNatively(this.video) ? playlistUrl(camera, base) : null;
    this.buffer = new MediaBuffer(this.video, alternative, {
      broken: (why) => this.onBroken(why),
      overflow: () => this.onOverflow(),
      appended: () => this.onAppended(),
      wanted: (on) => this.onWanted(on),
    });
  }

  onAppended() {
    this.follow();
    // A tab that was just looked at again may have to wait for a second until timers run.
    if (this.running && this.phase.state === 'connecting') this.judge();
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
    this.failures += 1;
    this.rebuild();
    this.reconnectLater(this.backoff.next());
    this.mending = false;
    if (this.failures >= HOPELESS_AFTER) this.host.giveUp();
  }

  /** A managed source says when it has enough for now, to save power. */
  onWanted(on) {
    if (!this.running || on !== Boolean(this.resting)) return;
    this.resting = !on;
    if (this.link?.say({ type: on ? 'resume' : 'pause' })) return;
    if (on) this.reconnectNow();
    else this.hangUp();
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
      // Pieces come in bursts, and one look may fall just before the next: the mean counts too.
      const held = Math.max(buffered, Math.min(this.edge.mean, latency));
      if (latency !== null) this.link?.say({ type: 'report', buffered: round(held), latency: round(latency) });
    }
    this.hearken(time);
  }

  /** A link that says nothing for too long is given up. */
  hearken(time) {
    if (!this.link || this.resting) return;
    const silence = time - this.heardAt;
    if (!this.opened) {
      if (silence > SILENCE.opening) this.onClose({ code: 1006, reason: '', opened: false });
      return;
    }
    const patience = this.phase.state === 'offline' ? SILENCE.down : SILENCE.live;
    if (silence > Math.max(patience, 3 * this.liveness.usualPause)) this.reconnectNow();
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
    if (this.phase.state !== 'live' || time - this.liveSince <= SETTLED_AFTER) return;
    this.backoff.reset();
    this.failures = 0;
    if (this.fruitful && this.link) this.ladder.worked(this.link.constructor);
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

function round(seconds) {
  return Math.round(seconds * 1000) / 1000;
}
