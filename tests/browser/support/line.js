// A TCP line to a port of this machine that can be cut, and that can go silent.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Line {
  static async to(port) {
    const line = new this();
    line.broken = false;
    line.pairs = new Set();
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
        if (!to.write(bytes)) from.pause();
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
