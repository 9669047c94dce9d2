// A TCP line to a port of this machine that can be cut, that can go silent, and that can be narrow.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What passes a narrow line at a time, so that its connections share it. */
const PACKET = 1400;

export class Line {
  static async to(port) {
    const line = new this();
    line.broken = false;
    line.pairs = new Set();
    line.turn = Promise.resolve();
    line.server = createServer((near) => line.#join(near, port));
    line.server.listen(0, '127.0.0.1');
    await once(line.server, 'listening');
    line.url = `http://127.0.0.1:${line.server.address().port}/`;
    return line;
  }

  #join(near, port) {
    if (this.broken) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    const pair = [near, far];
    this.pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => {
        if (from === near && !this.passes(bytes)) near.destroy();
        if (this.bits && to === near) this.#slowly(from, to, bytes);
        else if (!to.write(bytes)) from.pause();
      });
      to.on('drain', () => {
        if (!this.held) from.resume();
      });
      from.on('error', () => {});
      from.on('end', () => to.end());
      from.on('close', () => {
        to.destroy();
        this.pairs.delete(pair);
      });
      if (this.held) from.pause();
    }
  }

  /** Whether what comes from the viewer may pass. */
  passes() {
    return true;
  }

  async #slowly(from, to, bytes) {
    from.pause();
    for (let at = 0; at < bytes.length; at += PACKET) {
      const packet = bytes.subarray(at, at + PACKET);
      this.turn = this.turn.then(() => this.bits && pause((packet.length * 8000) / this.bits));
      await this.turn;
      to.write(packet);
    }
    if (!this.held) from.resume();
  }

  /** No more than so many bits a second to the near side, all connections together; 0 for no such bound. */
  narrow(bits) {
    this.bits = bits;
  }

  /** Cuts all connections; new ones are cut too until `mend`. */
  cut() {
    this.broken = true;
    for (const pair of this.pairs) pair.forEach((socket) => socket.destroy());
  }

  mend() {
    this.broken = false;
  }

  /** Nothing passes, and nobody is told. */
  hold() {
    this.held = true;
    for (const pair of this.pairs) pair.forEach((socket) => socket.pause());
  }

  release() {
    this.held = false;
    for (const pair of this.pairs) pair.forEach((socket) => socket.resume());
  }

  async close() {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }
}
