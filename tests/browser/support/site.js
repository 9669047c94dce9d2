// A web site of somebody else that shows our cameras with hls.js: another origin than the server's.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const FILES = {
  '/': ['text/html; charset=utf-8', new URL('../site/index.html', import.meta.url)],
  '/viewer.js': ['text/javascript', new URL('../site/viewer.js', import.meta.url)],
  '/hls.js': ['text/javascript', new URL('../node_modules/hls.js/dist/hls.min.js', import.meta.url)],
};

export class Site {
  static async start() {
    const site = new Site();
    site.server = createServer(async ({ url }, response) => {
      const [type, file] = FILES[new URL(url, 'http://site').pathname] ?? [];
      response.writeHead(file ? 200 : 404, { 'Content-Type': type ?? 'text/plain' });
      response.end(file && await readFile(file));
    });
    site.server.listen(0, '127.0.0.1');
    await once(site.server, 'listening');
    site.url = `http://127.0.0.1:${site.server.address().port}/`;
    return site;
  }

  /** The page that plays `source`; `options` as site/viewer.js reads them. */
  page(source, options = {}) {
    return `${this.url}?${new URLSearchParams({ source, ...options })}`;
  }

  async close() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
