// The feed over a WebSocket.

import { feedUrl } from './places.js';

const PROTOCOL = 'belvedere.mse.v1';

export class SocketLink {
  static transport = 'mse';
  transport = SocketLink.transport;

  /** @param place `{camera, base, query}`
   *  @param on `{open(), text(string), bytes(ArrayBuffer), closed({code, reason, opened})}`; none is called after `close()` */
  constructor({ camera, base, query }, on) {
    this.on = on;
    this.opened = false;
    let socket;
    try {
      socket = new WebSocket(feedUrl(camera, query, base), PROTOCOL);
    } catch {
      // Some policies forbid sockets outright.
      this.timer = setTimeout(() => this.end({ code: 1006, reason: '' }));
      return;
    }
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.opened = true;
      on.open();
    };
    socket.onmessage = ({ data }) => (typeof data === 'string' ? on.text(data) : on.bytes(data));
    socket.onclose = (event) => this.end(event);
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Sends a message; false when there is no way to. */
  say(message) {
    if (!this.open) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  end({ code, reason }) {
    this.on.closed({ code, reason, opened: this.opened });
  }

  close() {
    clearTimeout(this.timer);
    const { socket } = this;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Browsers complain of sockets that are closed before they are open.
    if (socket.readyState === WebSocket.CONNECTING) socket.onopen = () => socket.close(1000);
    else socket.close(1000);
  }
}
