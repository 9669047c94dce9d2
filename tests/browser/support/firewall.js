// A line that looks into what passes, and cuts connections on which something forbidden is asked for.

import { Line } from './line.js';

export class Firewall extends Line {
  /** @param forbidden matches requests that do not pass */
  static async to(port, forbidden) {
    const wall = await super.to(port);
    wall.forbidden = forbidden;
    return wall;
  }

  passes(bytes) {
    return !this.forbidden.test(bytes.toString('latin1'));
  }
}
