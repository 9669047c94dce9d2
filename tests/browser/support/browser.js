// Chromium, and pages in it that keep a record.

import assert from 'node:assert/strict';
import { accessSync, constants } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { until } from './wait.js';

const BINARY = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PROBE = fileURLToPath(new URL('probe.js', import.meta.url));
/** Directory for a picture of each page at its end; none are taken without it. */
const SCREENSHOTS = process.env.SCREENSHOTS;
const ARGS = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // No name leads anywhere: whatever a page asks of the outside fails, and a test sees it.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
];

export class Browser {
  static async start() {
    try {
      accessSync(BINARY, constants.X_OK);
    } catch {
      throw new Error(`no browser at ${BINARY}: install Debian's package chromium, or name another in CHROMIUM`);
    }
    const browser = new Browser();
    browser.chromium = await chromium.launch({ executablePath: BINARY, args: ARGS, ignoreDefaultArgs: ['--headless'] });
    return browser;
  }

  /** Opens `url` in a page with storage of its own; `options` are those of playwright's contexts. */
  async open(url, options = {}) {
    const context = await this.chromium.newContext({ viewport: { width: 1000, height: 640 }, ...options });
    await context.addInitScript({ path: PROBE });
    const view = new View(await context.newPage(), context);
    await view.page.goto(url);
    return view;
  }

  async close() {
    await this.chromium.close();
  }
}

/** One page and what it did. */
class View {
  constructor(page, context) {
    this.page = page;
    this.context = context;
    this.hosts = new Set();
    this.complaints = [];
    /** Loads of the page itself; 1 if nobody reloaded it. */
    this.loads = 0;
    page.on('request', (request) => {
      this.#asked(request.url());
      if (request.isNavigationRequest() && request.frame() === page.mainFrame()) this.loads += 1;
    });
    page.on('websocket', (socket) => this.#asked(socket.url()));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.complaints.push(`uncaught: ${error.stack ?? error}`));
    page.on('crash', () => this.complaints.push('the page crashed'));
  }

  #asked(url) {
    const { protocol, host } = new URL(url);
    if (protocol !== 'blob:' && protocol !== 'data:') this.hosts.add(host);
  }

  /** What the page knows of itself. */
  facts() {
    return this.page.evaluate(() => {
      const player = document.querySelector('belvedere-player');
      const { frames, firstFrame, waits, states, violations, video } = globalThis.probe;
      return {
        frames, firstFrame, waits, states, violations,
        state: player?.state, reason: player?.reason, stats: player?.stats,
        hlsErrors: globalThis.viewer?.errors,
        video: video && {
          width: video.videoWidth, height: video.videoHeight, time: video.currentTime, paused: video.paused,
          muted: video.muted, playsInline: video.playsInline, readyState: video.readyState,
          soundBytes: video.webkitAudioDecodedByteCount, error: video.error?.message,
        },
      };
    });
  }

  /** Waits until `ask(facts)` holds, and returns the facts. */
  until(what, ask, within = 60_000) {
    const look = async () => {
      const facts = await this.facts();
      return ask(facts) && facts;
    };
    const state = async () => `${JSON.stringify(await this.facts(), null, 1)}\n${this.complaints.join('\n')}`;
    return until(what, look, { within, state });
  }

  /** Waits until new pictures are shown, and the time runs. */
  async untilPlaying(within = 60_000) {
    const before = await this.facts();
    return this.until('a moving picture', ({ frames, video, state }) => (
      frames >= before.frames + 10 && video?.width > 0 && video.time !== (before.video?.time ?? 0)
        && [undefined, 'live'].includes(state)
    ), within);
  }

  measure(seconds) {
    return this.page.evaluate((length) => globalThis.probe.measure(length), seconds);
  }

  bead(pictures) {
    return this.page.evaluate((count) => globalThis.probe.bead(count), pictures);
  }

  /** What a page in order never does. `allowed` matches what a test provokes itself. */
  async assertClean({ hosts, allowed = /(?!)/ }) {
    const { violations } = await this.facts();
    assert.deepEqual(violations, [], 'violations of the content security policy');
    assert.deepEqual(this.complaints.filter((text) => !allowed.test(text)), [], 'complaints in the console');
    assert.deepEqual([...this.hosts].sort(), [...hosts].sort(), 'hosts asked');
    assert.equal(this.loads, 1, 'loads of the page');
  }

  async close(name) {
    if (SCREENSHOTS && name) {
      await mkdir(SCREENSHOTS, { recursive: true });
      await this.page.screenshot({ path: join(SCREENSHOTS, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.png`) });
    }
    await this.context.close();
  }
}
