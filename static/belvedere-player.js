// <belvedere-player camera="demo"></belvedere-player>: one camera, live.
//
// Attributes, each also a property of the same name
//   camera      name of the camera
//   rendition   `auto` (default) or the name of a rendition
//   transport   `auto` (default: the first of these that works), `mse` (WebSocket + MediaSource), `fetch` (HTTP + MediaSource)
//               or `hls` (the browser's own HLS player)
//   latency     seconds behind the newest picture to aim for when pictures come evenly; default 0.3
//   label       the camera's title, shown in the picture; default its name
//   base        the server's base URL; default where this module came from
//   bare        no controls: for a tile on a wall
//   suspended   holds the last picture and closes the connection: for a tile out of sight
//   state       reflected, read only; see `state`
//
// Properties
//   state       idle | connecting | live | offline | unsupported | denied | paused | tap
//   reason      the sentence that goes with it, or ''
//   muted       true until somebody wants sound
//   video       the HTMLVideoElement
//   stats       {transport, rendition, mime, latency, buffered, target, droppedFrames, reconnects, jumps, stalls, bytes,
//               playbackRate}; times in seconds
// Methods: play(), pause(), toggleMuted(), toggleFullscreen(), togglePictureInPicture(),
//   retry() (connects now instead of at the next attempt; does nothing while connected)
// Events
//   statechange  detail {state, reason}
//   stats        once a second while connected, detail as `stats`
// CSS parts: frame, video, still, top, title, badge, message, tap, controls, button, select
// CSS properties: --belvedere-accent, --belvedere-live, --belvedere-fit (object-fit of the picture)
// Slot `lead`: goes before the title, for a way back to where the viewer came from.

import { listCameras } from './cameras.js';
import { hasSound, mediaSourceClass, playsHlsNatively } from './codecs.js';
import { icon } from './icons.js';
import { MseTransport } from './mse.js';
import { NativeTransport } from './native.js';
import { BASE } from './places.js';
import { SocketLink } from './socket.js';
import { keepPicture } from './still.js';
import { StreamLink } from './stream.js';
import { TEMPLATE } from './template.js';
import { words } from './words.js';

const HIDDEN_PATIENCE = 10_000;
const CONTROLS_STAY = 2600;
const STATS_EVERY = 1000;
const WITHOUT_MESSAGE = new Set(['idle', 'live', 'tap']);

class BelvederePlayer extends HTMLElement {
  static observedAttributes = ['camera', 'rendition', 'transport', 'latency', 'base', 'label', 'bare', 'suspended'];

  #root = this.attachShadow({ mode: 'open' });
  #transport = null;
  #state = 'idle';
  #reason = '';
  #wantsPause = false;
  #tapNeeded = false;
  #hidden = false;
  #timers = {};
  #listening = null;

  constructor() {
    super();
    this.#root.innerHTML = TEMPLATE;
    const frame = this.#part('.frame');
    const style = this.#part('link');
    style.onload = style.onerror = () => { frame.hidden = false; };
    style.href = new URL('player.css', import.meta.url).href;
    this.video = this.#part('video');
    this.video.muted = true;
    this.#wire();
  }

  connectedCallback() {
    if (!this.bare && !this.hasAttribute('tabindex')) this.tabIndex = 0;
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    document.addEventListener('visibilitychange', () => this.#onVisibility(), { signal });
    document.addEventListener('fullscreenchange', () => this.#draw(), { signal });
    addEventListener('online', () => this.#transport?.hurry(), { signal });
    addEventListener('pageshow', (event) => event.persisted && this.#transport?.hurry(), { signal });
    this.#timers.stats = setInterval(() => this.#publish(), STATS_EVERY);
    this.#hidden = false;
    this.#onVisibility();
    this.#askRenditions();
    this.#sync();
    this.#wake();
  }

  disconnectedCallback() {
    this.#listening.abort();
    clearInterval(this.#timers.stats);
    clearTimeout(this.#timers.hidden);
    this.#discard();
    this.#update();
  }

  attributeChangedCallback(name, old, value) {
    if (old === value) return;
    if (['camera', 'transport', 'base', 'latency'].includes(name)) {
      this.#discard();
      if (this.isConnected && name !== 'latency') this.#askRenditions();
    }
    if (name === 'rendition') {
      this.#transport?.select(this.rendition);
      this.#part('select').value = this.rendition;
    }
    if (this.isConnected) this.#sync();
    this.#draw();
  }

  get state() { return this.#state; }
  get reason() { return this.#reason; }
  get muted() { return this.video.muted; }
  set muted(muted) { this.video.muted = muted; }
  get camera() { return this.getAttribute('camera') ?? ''; }
  set camera(name) { this.setAttribute('camera', name); }
  get rendition() { return this.getAttribute('rendition') || 'auto'; }
  set rendition(name) { this.setAttribute('rendition', name); }
  get transport() { return this.getAttribute('transport') || 'auto'; }
  set transport(name) { this.setAttribute('transport', name); }
  get label() { return this.getAttribute('label') || this.camera; }
  set label(text) { this.setAttribute('label', text); }
  get base() { return this.getAttribute('base') ? new URL(this.getAttribute('base'), document.baseURI).href : BASE; }
  set base(url) { this.setAttribute('base', url); }
  get bare() { return this.hasAttribute('bare'); }
  set bare(on) { this.toggleAttribute('bare', on); }
  get suspended() { return this.hasAttribute('suspended'); }
  set suspended(on) { this.toggleAttribute('suspended', on); }
  get latency() {
    const seconds = Number(this.getAttribute('latency'));
    return seconds > 0 ? Math.min(seconds, 20) : 0.3;
  }
  set latency(seconds) { this.setAttribute('latency', seconds); }

  get stats() {
    const { video } = this;
    const none = { transport: '', rendition: '', mime: '', latency: null, buffered: 0, target: 0, reconnects: 0, jumps: 0, stalls: 0, bytes: 0 };
    return {
      ...(this.#transport?.stats ?? none),
      droppedFrames: video.getVideoPlaybackQuality?.().droppedVideoFrames ?? 0,
      playbackRate: video.playbackRate,
    };
  }

  play() {
    this.#wantsPause = false;
    this.#tapNeeded = false;
    if (this.#transport?.running) this.#tryPlay();
    else this.#sync();
    this.#update();
  }

  pause() {
    this.#wantsPause = true;
    this.video.pause();
    this.#sync();
    this.#update();
  }

  retry() {
    this.#transport?.hurry();
  }

  toggleMuted() {
    this.video.muted = !this.video.muted;
    if (!this.video.muted && this.video.volume === 0) this.video.volume = 1;
  }

  toggleFullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (this.requestFullscreen) this.requestFullscreen().catch(() => {});
    else this.video.webkitEnterFullscreen?.();
  }

  async togglePictureInPicture() {
    try {
      if (this.#root.pictureInPictureElement) await document.exitPictureInPicture();
      else if (this.video.requestPictureInPicture) await this.video.requestPictureInPicture();
      else this.video.webkitSetPresentationMode?.('picture-in-picture');
    } catch {
      // the browser refuses without a picture or a gesture; there is nothing to mend
    }
  }

  // Running: one transport while camera, visibility and viewer want it.

  #sync() {
    const wanted = this.isConnected && this.camera && !this.suspended && !this.#wantsPause && !this.#hidden;
    if (!wanted) {
      this.#transport?.rest();
    } else {
      this.#transport ??= this.#choose();
      this.#transport?.start();
    }
    this.#update();
  }

  /** The ways to play, best first. */
  #kinds() {
    const { transport } = this;
    const mse = mediaSourceClass() && transport !== 'hls';
    const hls = playsHlsNatively(this.video) && ['auto', 'hls'].includes(transport);
    return [...(mse ? [MseTransport] : []), ...(hls ? [NativeTransport] : [])];
  }

  #choose([Kind] = this.#kinds()) {
    if (!Kind) return null;
    const links = [SocketLink, StreamLink].filter((Link) => ['auto', Link.transport].includes(this.transport));
    const wish = { camera: this.camera, rendition: this.rendition, base: this.base, latency: this.latency, links };
    const host = {
      changed: () => this.#update(),
      play: () => this.#tryPlay(),
      freeze: () => keepPicture(this.video, this.#part('.still')),
      giveUp: () => this.#stepDown(),
    };
    return new Kind(this.video, wish, host);
  }

  /** The transport cannot do it here: the next one tries, and after the last the first again. */
  #stepDown() {
    const others = this.#kinds().filter((Kind) => !(this.#transport instanceof Kind));
    if (!others.length) return;
    keepPicture(this.video, this.#part('.still'));
    this.#transport.destroy();
    this.#transport = this.#choose(others);
    this.#sync();
  }

  #discard() {
    this.#transport?.destroy();
    this.#transport = null;
    this.#part('.still').hidden = true;
  }

  #onVisibility() {
    clearTimeout(this.#timers.hidden);
    const inPicture = this.#root.pictureInPictureElement || this.video.webkitPresentationMode === 'picture-in-picture';
    if (document.hidden && !inPicture) {
      this.#timers.hidden = setTimeout(() => {
        this.#hidden = true;
        this.#sync();
      }, HIDDEN_PATIENCE);
      return;
    }
    this.#hidden = false;
    this.#sync();
    // Browsers pause silent video in the background and do not always go on by themselves.
    if (this.#transport?.running && this.video.paused && !this.#tapNeeded) this.#tryPlay();
  }

  async #tryPlay() {
    if (this.#wantsPause) return;
    try {
      await this.video.play();
      this.#tapNeeded = false;
    } catch (error) {
      if (error.name !== 'NotAllowedError') return; // a newer load or pause took its place
      if (!this.video.muted) {
        this.video.muted = true;
        this.#tryPlay();
        return;
      }
      this.#tapNeeded = true;
    }
    this.#update();
  }

  async #askRenditions() {
    if (this.bare || !this.camera) return;
    const asked = this.camera;
    let found;
    try {
      found = (await listCameras(this.base)).find(({ name }) => name === asked);
    } catch {
      return; // the transport says what is wrong
    }
    if (!found || asked !== this.camera) return;
    if (found.title && !this.hasAttribute('label')) this.label = found.title;
    this.#offerRenditions(found.renditions ?? []);
  }

  #offerRenditions(renditions) {
    const select = this.#part('select');
    const choices = [{ name: 'auto' }, ...renditions].map(({ name, height }) => {
      const text = name === 'auto' ? 'Auto' : name + (height ? ` · ${height}p` : '');
      return new Option(text, name, false, name === this.rendition);
    });
    select.replaceChildren(...choices);
    select.hidden = renditions.length < 2 || this.transport === 'hls';
  }

  // What is shown.

  #update() {
    const before = `${this.#state}\n${this.#reason}`;
    [this.#state, this.#reason] = this.#derive();
    if (before !== `${this.#state}\n${this.#reason}`) {
      this.setAttribute('state', this.#state);
      this.dispatchEvent(new CustomEvent('statechange', { detail: { state: this.#state, reason: this.#reason } }));
    }
    this.#draw();
  }

  #derive() {
    if (!this.isConnected || !this.camera || this.suspended) return ['idle', ''];
    if (this.#wantsPause) return ['paused', ''];
    if (this.#hidden) return ['idle', ''];
    if (!this.#transport) return ['unsupported', 'This browser has no way to play live video.'];
    const { state, reason } = this.#transport.phase;
    if (state === 'connecting' && this.#tapNeeded) return ['tap', ''];
    return [state, reason];
  }

  #draw() {
    const { state } = this;
    const { title, text } = words(state, this.#reason);
    const message = this.#part('.message');
    message.hidden = WITHOUT_MESSAGE.has(state);
    setText(message.querySelector('strong'), title);
    setText(message.querySelector('.text'), text);
    this.#setIcon('.sign', state === 'paused' ? 'pause' : state);
    this.#part('.tap').hidden = state !== 'tap';
    this.#part('.frame').dataset.state = state;
    setText(this.#part('.title'), this.label);
    setText(this.#part('.badge b'), state === 'live' ? 'Live' : title);
    this.#drawControls();
    this.#drawLag();
  }

  #drawControls() {
    const stopped = this.#wantsPause || this.#tapNeeded;
    this.#setButton('.play', stopped ? 'play' : 'pause', stopped ? 'Play (k)' : 'Pause (k)');
    this.#setButton('.mute', this.muted ? 'mute' : 'sound', this.muted ? 'Unmute (m)' : 'Mute (m)');
    const { mime } = this.stats;
    this.#part('.mute').hidden = mime.includes('codecs') && !hasSound(mime);
    const full = document.fullscreenElement === this;
    this.#setButton('.full', full ? 'unfull' : 'full', full ? 'Leave full screen (f)' : 'Full screen (f)');
    this.#part('.full').hidden = !(document.fullscreenEnabled || this.video.webkitSupportsFullscreen);
    this.#part('.pip').hidden = !(document.pictureInPictureEnabled || this.video.webkitSupportsPresentationMode?.('picture-in-picture'));
  }

  #drawLag() {
    const { latency } = this.stats;
    const shown = this.#state === 'live' && latency !== null;
    setText(this.#part('.lag'), shown ? `${latency.toFixed(1)} s` : '');
  }

  #publish() {
    if (!this.#transport?.running) return;
    this.#drawLag();
    this.dispatchEvent(new CustomEvent('stats', { detail: this.stats }));
  }

  #setButton(selector, name, label) {
    this.#setIcon(selector, name);
    const button = this.#part(selector);
    if (button.title === label) return;
    button.title = label;
    button.setAttribute('aria-label', label);
  }

  #setIcon(selector, name) {
    const place = this.#part(selector);
    if (place.dataset.icon === name) return;
    place.dataset.icon = name;
    place.innerHTML = icon(name);
  }

  // Hands on it.

  #wire() {
    const on = (selector, name, act) => this.#part(selector).addEventListener(name, act);
    const togglePlay = () => (this.#wantsPause || this.#tapNeeded ? this.play() : this.pause());
    on('.play', 'click', togglePlay);
    on('.tap', 'click', () => this.play());
    on('.mute', 'click', () => this.toggleMuted());
    on('.full', 'click', () => this.toggleFullscreen());
    on('.pip', 'click', () => this.togglePictureInPicture());
    on('select', 'change', (event) => { this.rendition = event.target.value; });
    on('video', 'dblclick', () => !this.bare && this.toggleFullscreen());
    on('video', 'volumechange', () => this.#draw());
    on('video', 'leavepictureinpicture', () => this.#onVisibility());
    on('video', 'pause', () => this.#onPaused());
    for (const name of ['pointermove', 'pointerdown', 'focusin']) this.addEventListener(name, () => this.#wake());
    this.addEventListener('pointerleave', ({ pointerType }) => {
      if (pointerType === 'mouse') this.#part('.frame').classList.remove('awake'); // a finger leaves at the end of each tap
    });
    const keys = { k: togglePlay, ' ': togglePlay, m: () => this.toggleMuted(), f: () => this.toggleFullscreen(), p: () => this.togglePictureInPicture() };
    this.addEventListener('keydown', (event) => this.#onKey(event, keys));
  }

  #onKey(event, keys) {
    if (this.bare || event.ctrlKey || event.metaKey || event.altKey) return;
    const inner = event.composedPath()[0];
    if (event.key === ' ' && inner instanceof HTMLButtonElement) return; // presses the button
    if (inner instanceof HTMLSelectElement) return;
    const act = keys[event.key.toLowerCase?.() ?? event.key];
    if (!act) return;
    event.preventDefault();
    this.#wake();
    act();
  }

  /** Somebody else paused the video: a person in the picture-in-picture window, or the browser to save power. */
  #onPaused() {
    if (this.#wantsPause || document.hidden || !this.#transport?.running) return;
    if (this.#root.pictureInPictureElement) {
      this.pause();
      return;
    }
    clearTimeout(this.#timers.paused);
    this.#timers.paused = setTimeout(() => {
      if (this.video.paused && !this.#wantsPause && !document.hidden && !this.#tapNeeded) this.#tryPlay();
    }, 250);
  }

  #wake() {
    const { classList } = this.#part('.frame');
    classList.add('awake');
    clearTimeout(this.#timers.awake);
    this.#timers.awake = setTimeout(() => classList.remove('awake'), CONTROLS_STAY);
  }

  #part(selector) {
    return this.#root.querySelector(selector);
  }
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

customElements.define('belvedere-player', BelvederePlayer);
export { BelvederePlayer };
