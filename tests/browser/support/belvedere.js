// The server under test: the real binary, on a port that the system gives.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Child } from './child.js';

/** The server to test. */
export const BINARY = process.env.BELVEDERE ?? fileURLToPath(new URL('../../../target/debug/belvedere', import.meta.url));

export class Belvedere {
  /** Starts `belvedere serve` with these arguments; by default with the built-in camera. */
  static async start(args = ['--demo']) {
    const server = new Belvedere();
    server.args = args;
    server.listen = '127.0.0.1:0';
    await server.startAgain();
    return server;
  }

  /** Starts with a configuration file of this text. */
  static async configured(toml, args = []) {
    const directory = await mkdtemp(join(tmpdir(), 'belvedere-browser-'));
    const file = join(directory, 'belvedere.toml');
    await writeFile(file, toml);
    try {
      return await Belvedere.start(['--config', file, ...args]);
    } finally {
      await rm(directory, { recursive: true });
    }
  }

  async startAgain() {
    assert.ok(existsSync(BINARY), `no server to test at ${BINARY}: run \`cargo build\`, or name another in BELVEDERE`);
    const args = ['serve', '--listen', this.listen, ...this.args];
    const greeting = /look here\s+(http:\S+)\n(?:\s+over TLS\s+(https:\S+)\n)?/;
    this.child = await Child.start(BINARY, args, (text) => greeting.exec(text));
    /** Both end with a slash; there may be no TLS. */
    [, this.url, this.secure] = this.child.greeting;
    // Started again it is at the same place.
    this.listen = new URL(this.url).host;
  }

  at(path) {
    return new URL(path, this.url).href;
  }

  get port() {
    return Number(new URL(this.url).port);
  }

  async stop() {
    const code = await this.child.end('SIGTERM');
    assert.equal(code, 0, `belvedere ended with ${code}\n${this.child.log}`);
  }
}
