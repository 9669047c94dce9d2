// The feed as an endless MP4 over `fetch`, for where sockets are blocked. It cannot be spoken to: another rendition is
// another request.

import { Fragments } from './fragments.js';
import { liveUrl } from './places.js';

/** Answers that mean the same as a close code of the socket. */
const CODES = { 401: 1008, 403: 1008, 406: 4406 };

export class StreamLink {
  static transport = 'fetch';
  /** Nobody at its other end judges the line. */
  static unjudged = true;
  transport = StreamLink.transport;

  /** Takes the same as `SocketLink`. */
  constructor({ camera, base, query }, on) {
    this.on = on;
    this.opened = false;
    this.rendition = query.rendition === 'auto' ? '' : query.rendition;
    this.control = new AbortController();
    // Another connection goes on where this one ends.
    this.read(liveUrl(camera, { ...query, times: 'camera' }, base));
  }

  get open() {
    return false;
  }

  say() {
    return false;
  }

  async read(url) {
    let end = { code: 1006, reason: '' };
    try {
      const response = await fetch(url, { cache: 'no-store', signal: this.control.signal });
      if (response.ok) {
        this.opened = true;
        this.on.open();
        await this.pump(response);
      } else {
        end = { code: CODES[response.status] ?? 1006, reason: (await response.text()).trim() };
      }
    } catch {
      // broken off; told below
    }
    if (!this.control.signal.aborted) this.on.closed({ ...end, opened: this.opened });
  }

  async pump(response) {
    const fragments = new Fragments();
    const mime = response.headers.get('Content-Type');
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      for (const { kind, bytes } of fragments.push(value)) {
        if (this.control.signal.aborted) return;
        if (kind === 'init') this.on.text(JSON.stringify({ type: 'init', mime, rendition: this.rendition }));
        this.on.bytes(bytes);
      }
    }
  }

  close() {
    this.control.abort();
  }
}
