// Processes that a test starts, and that never outlive it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

const children = new Set();

process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

export class Child {
  /** Starts `command` and waits until `ready(stdout so far)` returns something, which becomes `greeting`. */
  static async start(command, args, ready, within = 20_000) {
    const child = new Child(command, args);
    await child.#greeted(ready, within);
    return child;
  }

  constructor(command, args, options = {}) {
    this.command = command;
    this.log = '';
    this.process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    this.failed = new Promise((_, reject) => { this.process.once('error', reject); });
    this.failed.catch(() => {});
    this.exited = once(this.process, 'exit').then(([code, signal]) => code ?? signal, (error) => error);
    children.add(this.process);
    this.exited.then(() => children.delete(this.process));
    this.process.stdin.on('error', () => {});
    this.process.stderr.setEncoding('utf8').on('data', (text) => { this.log += text; });
    this.process.stdout.setEncoding('utf8');
  }

  async #greeted(ready, within) {
    let timer;
    let text = '';
    const greeted = new Promise((resolve, reject) => {
      this.process.stdout.on('data', (more) => {
        text += more;
        this.greeting ||= ready(text);
        if (this.greeting) resolve();
      });
      timer = setTimeout(() => reject(new Error(`${this.command} did not get ready\n${text}${this.log}`)), within);
      this.exited.then((code) => reject(new Error(`${this.command} ended with ${code} before it was ready\n${text}${this.log}`)));
    });
    try {
      await Promise.race([greeted, this.failed]);
    } catch (error) {
      this.process.kill('SIGKILL');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get running() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Ends it and says with what it ended: an exit code or the name of a signal. */
  async end(signal = 'SIGTERM', within = 10_000) {
    if (this.running) this.process.kill(signal);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.process.kill('SIGKILL');
    }, within);
    const code = await this.exited;
    clearTimeout(timer);
    if (late) throw new Error(`${this.command} did not end within ${within / 1000} s of ${signal}\n${this.log}`);
    return code;
  }
}
