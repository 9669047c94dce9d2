// Debian's Chromium, by playwright.

import { Browser } from '../browser.js';

export class Chromium {
  name = 'Chromium';

  static async start() {
    const engine = new Chromium();
    engine.browser = await Browser.start();
    return engine;
  }

  async open(url) {
    return new ChromiumTab(await this.browser.open(url));
  }

  close() {
    return this.browser.close();
  }
}

class ChromiumTab {
  constructor(view) {
    this.view = view;
  }

  get complaints() {
    return this.view.complaints;
  }

  evaluate(run, argument) {
    return this.view.page.evaluate(run, argument);
  }

  /** Playwright keeps all pages in sight: the page is told that it is not. */
  async turnAway(hidden = true) {
    await this.evaluate((away) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => away });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }, hidden);
  }

  turnBack() {
    return this.turnAway(false);
  }

  close() {
    return this.view.close();
  }
}
