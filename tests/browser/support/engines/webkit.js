// WebKitGTK's small browser, by WebDriver, on a screen that is not there.

import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';

import { Child } from '../child.js';
import { until } from '../wait.js';

const DRIVER = '/usr/bin/WebKitWebDriver';
const LIBRARIES = '/usr/lib';
/** Software draws; nobody asks for a session bus or a sandbox, which containers do not have. */
const ENVIRONMENT = { LIBGL_ALWAYS_SOFTWARE: '1', GDK_BACKEND: 'x11', NO_AT_BRIDGE: '1', DBUS_SESSION_BUS_ADDRESS: 'disabled:' };

const SIZE = { x: 0, y: 0, width: 1000, height: 640 };

/** The browser lies beside the library, under the name of machine and library. */
function miniBrowser() {
  if (process.env.MINIBROWSER) return process.env.MINIBROWSER;
  const places = readdirSync(LIBRARIES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.includes('-linux-'))
    .flatMap(({ name }) => ['webkitgtk-6.0', 'webkit2gtk-4.1', 'webkit2gtk-4.0'].map((library) => `${LIBRARIES}/${name}/${library}/MiniBrowser`));
  const found = places.find(existsSync);
  if (!found) throw new Error("no MiniBrowser: install Debian's package webkit2gtk-driver, or name one in MINIBROWSER");
  return found;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export class WebKit {
  name = 'WebKit';

  static async start() {
    const engine = new WebKit();
    const args = ['-displayfd', '1', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'];
    engine.screen = await Child.start('Xvfb', args, (text) => /^(\d+)\n/.exec(text)?.[1]);
    try {
      await engine.#begin();
    } catch (error) {
      await engine.close();
      throw error;
    }
    return engine;
  }

  async #begin() {
    const port = await freePort();
    const env = { ...process.env, ...ENVIRONMENT, DISPLAY: `:${this.screen.greeting}` };
    this.driver = new Child(DRIVER, [`--port=${port}`], { env });
    this.url = `http://127.0.0.1:${port}`;
    const ready = () => this.call('GET', '/status').then(({ ready: yes }) => yes, () => false);
    await until('WebKit\'s driver to be ready', ready, { within: 30_000, state: () => this.driver.log });
    const options = { binary: miniBrowser(), args: ['--automation'] };
    const { sessionId } = await this.call('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } } });
    this.session = `/session/${sessionId}`;
    await this.ask('POST', '/timeouts', { script: 60_000, pageLoad: 60_000 });
    await this.ask('POST', '/window/rect', SIZE);
  }

  /** A command of WebDriver. */
  async call(method, path, body) {
    const response = await fetch(this.url + path, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (value?.error) throw new Error(`WebDriver ${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  ask(method, path, body) {
    return this.call(method, this.session + path, body);
  }

  async open(url) {
    await this.ask('POST', '/url', { url });
    return new WebKitTab(this);
  }

  async close() {
    if (this.session) await this.ask('DELETE', '').catch(() => {});
    await this.driver?.end('SIGTERM');
    await this.screen.end('SIGTERM');
  }
}

class WebKitTab {
  complaints = [];

  constructor(engine) {
    this.engine = engine;
  }

  async evaluate(run, argument) {
    const script = `const done = arguments[1];
      Promise.resolve((${run})(arguments[0])).then((value) => done({ value }), (error) => done({ error: String(error) }));`;
    const { value, error } = await this.engine.ask('POST', '/execute/async', { script, args: [argument ?? null] });
    if (error) throw new Error(error);
    return value;
  }

  turnAway() {
    return this.engine.ask('POST', '/window/minimize', {});
  }

  turnBack() {
    return this.engine.ask('POST', '/window/rect', SIZE);
  }

  async close() {}
}
