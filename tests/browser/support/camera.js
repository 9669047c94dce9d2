// A camera in a process of its own, so that it can die like one.

import { fileURLToPath } from 'node:url';

import { Child } from './child.js';

const SCRIPT = fileURLToPath(new URL('../../support/gst_camera.py', import.meta.url));

export class Camera {
  /** `options` are those of the script, as in `['--audio', 'off']`. */
  static async start(options = []) {
    const camera = new Camera();
    camera.options = options;
    camera.port = 0;
    await camera.startAgain();
    return camera;
  }

  async startAgain() {
    const args = [SCRIPT, '--port', String(this.port), ...this.options];
    this.child = await Child.start('/usr/bin/python3', args, (text) => text.includes('\n') && JSON.parse(text));
    this.port = this.child.greeting.port;
  }

  url(path = 'main') {
    return `rtsp://127.0.0.1:${this.port}/${path}`;
  }

  /** As when somebody pulls the plug: no TEARDOWN, no goodbye. */
  async kill() {
    await this.child.end('SIGKILL');
  }

  async stop() {
    await this.child.end('SIGTERM');
  }
}
