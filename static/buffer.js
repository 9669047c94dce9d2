// A MediaSource with one SourceBuffer, fed through a bounded queue.

import { codecsOf, isManaged, isWebKit, mediaSourceClass, spelledForBrowser } from './codecs.js';

/** More than this in the queue means that the browser does not take what arrives. */
export const QUEUE_CAP = 8 * 1024 * 1024;
const APPEND_CAP = 2 * 1024 * 1024;
const KEEP_BEHIND = 8;
const TRIM_WHEN_BEHIND = 11;
/** WebKit freezes on 20 to 30 appends a second; this allows under five. */
const WEBKIT_APPEND_INTERVAL = 220;

export class MediaBuffer {
  /** @param alternative the address of a playlist that can be sent to another screen, or null
   *  @param on `{broken(why), overflow(), appended(), wanted(boolean)}` */
  constructor(video, alternative, on) {
    this.video = video;
    this.alternative = alternative;
    this.on = on;
    this.interval = isWebKit() ? WEBKIT_APPEND_INTERVAL : 0;
    this.queue = [];
    this.queued = 0;
    this.appendedAt = -Infinity;
    this.mime = '';
    /** Times of the sync samples that are in, oldest first. */
    this.syncs = [];
  }

  /** The buffered `[start, end]` in seconds, oldest first. */
  get ranges() {
    if (!this.buffer || this.source?.readyState !== 'open') return [];
    const list = [];
    try {
      const { buffered } = this.buffer;
      for (let i = 0; i < buffered.length; i += 1) list.push([buffered.start(i), buffered.end(i)]);
    } catch {
      return []; // the media source was taken away in between
    }
    return list;
  }

  /** False while the browser has asked for a rest from appends. */
  get wanted() {
    return this.source?.streaming !== false;
  }

  /** Whether media of this type can follow in the buffer there is; its tracks must be of the same kinds. Where buffers
   *  have no `changeType`, as WebKit's outside of Apple's systems, their codecs must be the same, if in other profiles. */
  takes(mime) {
    if (!this.mime) return true;
    const [before, after] = [this.mime, mime].map((type) => codecsOf(type.toLowerCase()).map((codec) => codec.split('.')[0]));
    return before.length === after.length && (Boolean(this.buffer?.changeType) || `${before}` === `${after}`);
  }

  init(mime, bytes) {
    this.put({ init: true, mime: spelledForBrowser(mime) ?? mime, bytes });
  }

  /** @param sync the time of the sync sample that a chunk of video begins with, or null */
  media(bytes, sync) {
    if (sync !== null) this.syncs.push(sync);
    this.put({ bytes });
  }

  /** Empties the buffer once everything queued before is in, then calls `done`. */
  wipe(done) {
    this.syncs = [];
    this.put({ wipe: true, done });
  }

  put(item) {
    this.queue.push(item);
    this.queued += item.bytes?.byteLength ?? 0;
    if (this.queued > QUEUE_CAP) {
      this.dropQueue();
      this.on.overflow();
      return;
    }
    this.pump();
  }

  dropQueue() {
    const undone = this.queue.filter((item) => item.wipe);
    this.queue = [];
    this.queued = 0;
    for (const item of undone) item.done?.();
  }

  /** Does the next thing in the queue, if the buffer is free. */
  pump() {
    const next = this.queue[0];
    if (!next) return;
    if (!this.source) {
      this.open();
      return;
    }
    if (this.source.readyState !== 'open' || this.buffer?.updating) return;
    try {
      if (next.wipe) this.startWipe();
      else if (next.init) this.startInit(next);
      else if (this.mayAppend()) this.startAppend(this.takeRun());
    } catch (error) {
      if (error.name === 'QuotaExceededError') this.makeRoom();
      else this.on.broken(error.message);
    }
  }

  open() {
    const Source = mediaSourceClass();
    this.source = new Source();
    const { source, video } = this;
    source.addEventListener('sourceopen', () => {
      if (source !== this.source) return;
      URL.revokeObjectURL(this.address);
      this.pump();
    });
    source.addEventListener('startstreaming', () => {
      this.on.wanted(true);
      this.pump();
    });
    source.addEventListener('endstreaming', () => this.on.wanted(false));
    source.addEventListener('sourceclose', () => {
      if (source === this.source) this.on.broken('the browser closed the media source');
    });
    video.replaceChildren();
    if (isManaged(source)) this.attachManaged(source);
    else this.attach(source);
  }

  attach(source) {
    this.video.srcObject = null;
    this.address = URL.createObjectURL(source);
    this.video.src = this.address;
  }

  /** A managed source opens only beside something that can be sent to another screen, or where nothing may be. */
  attachManaged(source) {
    const { video } = this;
    video.disableRemotePlayback = !this.alternative;
    if (!this.alternative) {
      this.attach(source);
      return;
    }
    this.address = URL.createObjectURL(source);
    video.srcObject = null;
    video.removeAttribute('src');
    video.append(sourceElement(this.address, 'video/mp4'), sourceElement(this.alternative, 'application/vnd.apple.mpegurl'));
    video.load();
  }

  mayAppend() {
    if (!this.buffer || !this.wanted) return false;
    const wait = this.appendedAt + this.interval - performance.now();
    if (wait <= 0) return true;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.pump();
    }, wait);
    return false;
  }

  startWipe() {
    const { done } = this.queue.shift();
    this.whenDone = done;
    if (!this.ranges.length) this.finished();
    else this.buffer.remove(0, Infinity);
  }

  startInit(item) {
    if (!this.buffer) this.addBuffer(item.mime);
    else if (item.mime !== this.mime) this.buffer.changeType?.(item.mime);
    this.mime = item.mime;
    this.buffer.appendBuffer(item.bytes);
    this.forget(1, item.bytes.byteLength);
  }

  addBuffer(mime) {
    this.buffer = this.source.addSourceBuffer(mime);
    this.buffer.mode = 'segments';
    this.source.duration = Infinity;
    const { buffer } = this;
    buffer.addEventListener('updateend', () => {
      if (buffer === this.buffer) this.finished();
    });
    buffer.addEventListener('error', () => {
      if (buffer === this.buffer) this.on.broken('the browser could not read a piece of media');
    });
  }

  /** The chunks that wait in front of the next init or wipe, as one piece of memory. */
  takeRun() {
    let count = 0;
    let size = 0;
    for (const item of this.queue) {
      if (item.init || item.wipe || (count && size + item.bytes.byteLength > APPEND_CAP)) break;
      count += 1;
      size += item.bytes.byteLength;
    }
    if (count === 1) return { count, size, bytes: this.queue[0].bytes };
    const bytes = new Uint8Array(size);
    let at = 0;
    for (const item of this.queue.slice(0, count)) {
      bytes.set(new Uint8Array(item.bytes), at);
      at += item.bytes.byteLength;
    }
    return { count, size, bytes };
  }

  startAppend({ count, size, bytes }) {
    this.buffer.appendBuffer(bytes);
    this.appendedAt = performance.now();
    this.forget(count, size);
  }

  forget(count, size) {
    this.queue.splice(0, count);
    this.queued -= size;
  }

  finished() {
    const done = this.whenDone;
    this.whenDone = null;
    done?.();
    this.on.appended();
    if (!this.trim(TRIM_WHEN_BEHIND)) this.pump();
  }

  /** Lets go of what was played long ago, up to a sync sample: what hangs on one that is gone would go with it. */
  trim(whenBehind) {
    const [first] = this.ranges;
    const { currentTime } = this.video;
    if (!first || this.buffer.updating || first[0] > currentTime - whenBehind) return false;
    const limit = currentTime - Math.min(KEEP_BEHIND, whenBehind);
    const until = this.syncs.findLast((time) => time <= limit);
    if (until === undefined || until <= first[0]) return false;
    this.syncs = this.syncs.filter((time) => time >= until);
    this.buffer.remove(0, until);
    return true;
  }

  /** The browser's memory is full: drop the past; when there is none left, start over. */
  makeRoom() {
    const full = performance.now();
    const again = full - (this.fullAt ?? -Infinity) < 1000;
    this.fullAt = full;
    if (!again && this.trim(1)) return;
    this.dropQueue();
    this.on.overflow();
  }

  close() {
    clearTimeout(this.timer);
    this.timer = null;
    this.queue = [];
    this.queued = 0;
    this.whenDone = null;
    this.source = null;
    this.buffer = null;
    this.mime = '';
  }
}

function sourceElement(address, type) {
  return Object.assign(document.createElement('source'), { src: address, type });
}
