// Debian's Firefox, by WebDriver BiDi.

import { accessSync, constants } from 'node:fs';

import puppeteer from 'puppeteer-core';

const BINARY = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
/** Nothing goes out of the machine, and nothing is asked of the person who is not there. */
const PREFERENCES = {
  'app.update.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.enabled': false,
};

export class Firefox {
  name = 'Firefox';

  static async start() {
    try {
      accessSync(BINARY, constants.X_OK);
    } catch {
      throw new Error(`no browser at ${BINARY}: install Debian's package firefox-esr, or name another in FIREFOX`);
    }
    const engine = new Firefox();
    engine.browser = await puppeteer.launch({
      browser: 'firefox', executablePath: BINARY, headless: true, timeout: 120_000, protocolTimeout: 120_000,
      defaultViewport: { width: 1000, height: 640 }, extraPrefsFirefox: PREFERENCES,
    });
    return engine;
  }

  async open(url) {
    const tab = new FirefoxTab();
    tab.browser = this.browser;
    tab.page = await this.browser.newPage();
    tab.page.on('pageerror', (error) => tab.complaints.push(`uncaught: ${error.stack ?? error}`));
    await tab.page.goto(url, { timeout: 60_000 });
    return tab;
  }

  close() {
    return this.browser.close();
  }
}

class FirefoxTab {
  complaints = [];

  evaluate(run, argument) {
    return this.page.evaluate(run, argument);
  }

  /** Another tab comes before this one. */
  async turnAway() {
    this.other ??= await this.browser.newPage();
    await this.other.bringToFront();
  }

  turnBack() {
    return this.page.bringToFront();
  }

  async close() {
    await this.other?.close();
    await this.page.close();
  }
}
