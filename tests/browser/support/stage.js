// What a test needs, made when asked for and taken down at its end, last made first.

import { Belvedere } from './belvedere.js';
import { Browser } from './browser.js';
import { Camera } from './camera.js';
import { Firewall } from './firewall.js';
import { Line } from './line.js';
import { Sight } from './sight.js';
import { Site } from './site.js';

export class Stage {
  #undo = [];
  /** Its pages. */
  views = [];

  /** `t` is the test's context. */
  constructor(t) {
    this.t = t;
    t.after(() => this.strike());
  }

  /** Takes everything down. */
  async strike() {
    const undone = [];
    for (const undo of this.#undo.splice(0).reverse()) undone.push(...await Promise.allSettled([undo()]));
    const failed = undone.find(({ status }) => status === 'rejected');
    if (failed) throw failed.reason;
  }

  async #keep(made, undo) {
    const it = await made;
    this.#undo.push(() => undo(it));
    return it;
  }

  belvedere(args) {
    return this.#keep(Belvedere.start(args), (server) => server.stop());
  }

  configured(toml, args) {
    return this.#keep(Belvedere.configured(toml, args), (server) => server.stop());
  }

  camera(options) {
    return this.#keep(Camera.start(options), (camera) => camera.stop());
  }

  line(port) {
    return this.#keep(Line.to(port), (line) => line.close());
  }

  /** A line on which `forbidden` is never asked for. */
  firewall(port, forbidden) {
    return this.#keep(Firewall.to(port, forbidden), (line) => line.close());
  }

  site() {
    return this.#keep(Site.start(), (site) => site.close());
  }

  async open(url, options) {
    this.browser ??= this.#keep(Browser.start(), (browser) => browser.close());
    const browser = await this.browser;
    const view = await this.#keep(browser.open(url, options), (one) => one.close(this.t.name));
    this.views.push(view);
    return view;
  }

  /** Another browser than the usual one. */
  engine(Engine) {
    return this.#keep(Engine.start(), (engine) => engine.close());
  }

  /** Somebody who watches the built-in camera live, with a browser of this kind. */
  async viewer(Engine, path = 'watch/demo') {
    const server = await this.belvedere();
    const engine = await this.engine(Engine);
    const tab = await this.tab(engine, server.at(path));
    const sight = new Sight(tab);
    await sight.untilLive();
    return { server, engine, tab, sight };
  }

  tab(engine, url) {
    return this.#keep(engine.open(url), (tab) => tab.close());
  }

  /** Prints a line of figures. */
  tell(what, figures) {
    const text = Object.entries(figures).map(([name, figure]) => `${name} ${shown(figure)}`);
    this.t.diagnostic(`${what}: ${text.join(', ')}`);
  }
}

function shown(figure) {
  if (typeof figure === 'number') return String(Math.round(figure * 1000) / 1000);
  if (figure && typeof figure === 'object') return `(${Object.entries(figure).map(([name, value]) => `${name} ${shown(value)}`).join(', ')})`;
  return String(figure);
}
