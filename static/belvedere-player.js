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
//   retryAt     when the server tries the camera again, in seconds as `performance.now() / 1000`; null while it does not wait
//   muted       true until somebody wants sound
//   volume      from 0 to 1
//   stopped     true while it waits for somebody to press play
//   video       the HTMLVideoElement
//   stats       {transport, rendition, why, mime, width, height, bitRate, latency, buffered, target, droppedFrames, switches,
//               reconnects, jumps, stalls, bytes, playbackRate}; times in seconds, rates in bits a second. `why` says why
//               the server chose this rendition, if there is something to say.
// Methods: play(), pause(), goLive(), toggleMuted(), toggleFullscreen(), togglePictureInPicture(),
//   snapshot() (a promise of the picture as a JPEG blob), saveSnapshot() (as a file),
//   retry() (connects now instead of at the next attempt; does nothing while connected)
// Keys: k or space play and pause, l goes live, m mutes, up and down change the volume, f full screen, p picture in
//   picture, s saves the picture, i shows figures
// Events
//   statechange  detail {state, reason}
//   stats        once a second while connected, detail as `stats`
// CSS parts: frame, video, still, top, title, badge, message, tap, note, stats, controls, button, volume, select
// CSS properties: --belvedere-accent, --belvedere-live, --belvedere-fit (object-fit of the picture)
// Slot `lead`: goes before the title, for a way back to where the viewer came from.

import { listCameras } from './cameras.js';
import { mediaSourceClass, playsHlsNatively, playsRendition } from './codecs.js';
import { Face } from './face.js';
import { wire } from './hands.js';
import { MseTransport } from './mse.js';
import { NativeTransport } from './native.js';
import { BASE } from './places.js';
import { pictureOf, save, snapshotName } from './snapshot.js';
import { SocketLink } from './socket.js';
import { keepPicture } from './still.js';
import { StreamLink } from './stream.js';
import { TEMPLATE } from './template.js';

const HIDDEN_PATIENCE = 10_000;
const STATS_EVERY = 1000;
const NO_STATS = {
  transport: '', rendition: '', why: '', mime: '', latency: null, buffered: 0, target: 0,
  switches: 0, reconnects: 0, jumps: 0, stalls: 0, bytes: 0,
};

class BelvederePlayer extends HTMLElement {
  static observedAttributes = ['camera', 'rendition', 'transport', 'latency', 'base', 'label', 'bare', 'suspended'];

  #root = this.attachShadow({ mode: 'open' });
  #face;
  #transport = null;
  #state = 'idle';
  #reason = '';
  #wantsPause = false;
  #tapNeeded = false;
  #hidden = false;
  #timers = {};
  #listening = null;
  #wireless = false;
  #rate = { at: 0, bytes: 0, bits: null };

  constructor() {
    super();
    this.#root.innerHTML = TEMPLATE;
    this.#face = new Face(this.#root, this);
    const frame = this.#part('.frame');
    const style = this.#part('link');
    style.onload = style.onerror = () => { frame.hidden = false; };
    style.href = new URL('player.css', import.meta.url).href;
    this.video = this.#part('video');
    this.video.muted = true;
    wire(this.#root, this, this.#face);
    this.#listen();
  }

  connectedCallback() {
    this.#barely();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    document.addEventListener('visibilitychange', () => this.#onVisibility(), { signal });
    document.addEventListener('fullscreenchange', () => this.#face.draw(), { signal });
    addEventListener('online', () => this.#transport?.hurry(), { signal });
    addEventListener('pageshow', (event) => event.persisted && this.#transport?.hurry(), { signal });
    this.#hidden = false;
    this.#onVisibility();
    this.#askRenditions();
    this.#sync();
    this.#face.wake();
  }

  disconnectedCallback() {
    this.#listening.abort();
    clearTimeout(this.#timers.hidden);
    this.#discard();
    this.#count();
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
    if (name === 'bare' && this.isConnected) {
      this.#barely();
      this.#askRenditions();
    }
    if (this.isConnected) this.#sync();
    this.#face.draw();
  }

  /** With controls it takes the focus; without, what it is part of does. */
  #barely() {
    if (this.bare) this.removeAttribute('tabindex');
    else if (!this.hasAttribute('tabindex')) this.tabIndex = 0;
    this.#part('.badge').tabIndex = this.bare ? -1 : 0;
  }

  get state() { return this.#state; }
  get reason() { return this.#reason; }

  get retryAt() {
    const phase = this.#transport?.phase;
    return (phase?.state === this.#state && phase.retryAt) || null;
  }
  get muted() { return this.video.muted; }
  set muted(muted) { this.video.muted = muted; }
  get volume() { return this.video.volume; }
  set volume(volume) { this.video.volume = volume; }
  get stopped() { return this.#wantsPause || this.#tapNeeded; }
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
    return {
      ...(this.#transport?.stats ?? NO_STATS),
      width: video.videoWidth,
      height: video.videoHeight,
      bitRate: this.#rate.bits,
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

  /** On to the newest picture, wherever one was. */
  goLive() {
    this.#transport?.goLive?.();
    this.play();
  }

  retry() {
    this.#transport?.hurry();
  }

  snapshot() {
    return pictureOf(this.video, this.#part('.still'));
  }

  async saveSnapshot() {
    try {
      save(await this.snapshot(), snapshotName(this.camera));
    } catch (error) {
      this.#face.note(`This picture cannot be saved: ${error.message}.`);
    }
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
    const wanted = this.isConnected && this.camera && !this.suspended && !this.#wantsPause && !this.#hidden && !this.#wireless;
    if (!wanted) {
      this.#transport?.rest();
    } else {
      this.#transport ??= this.#choose();
      this.#transport?.start();
    }
    this.#count();
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
      note: (text) => this.bare || this.#face.note(text),
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
    const described = renditions.map((rendition) => {
      const playable = this.transport === 'hls' || !mediaSourceClass() || playsRendition(rendition);
      const size = rendition.height ? ` · ${rendition.height}p` : '';
      return { name: rendition.name, text: `${rendition.name}${size}${playable ? '' : ' · not playable here'}`, playable };
    });
    const shown = renditions.length > 1 && this.transport !== 'hls';
    this.#face.offer([{ name: 'auto', text: 'Auto', playable: true }, ...described], this.rendition, shown);
  }

  // What is shown.

  #update() {
    const before = `${this.#state}\n${this.#reason}`;
    [this.#state, this.#reason] = this.#derive();
    if (before !== `${this.#state}\n${this.#reason}`) {
      this.setAttribute('state', this.#state);
      this.dispatchEvent(new CustomEvent('statechange', { detail: { state: this.#state, reason: this.#reason } }));
    }
    this.#face.draw();
  }

  #derive() {
    if (!this.isConnected || !this.camera || this.suspended) return ['idle', ''];
    if (this.#wantsPause) return ['paused', ''];
    if (this.#wireless) return ['live', ''];
    if (this.#hidden) return ['idle', ''];
    if (!this.#transport) return ['unsupported', 'This browser has no way to play live video.'];
    const { state, reason } = this.#transport.phase;
    if (state === 'connecting' && this.#tapNeeded) return ['tap', ''];
    return [state, reason];
  }

  /** Figures are taken while there is something to count, and cost nothing otherwise. */
  #count() {
    if (Boolean(this.#transport?.running) === Boolean(this.#timers.stats)) return;
    clearInterval(this.#timers.stats);
    this.#timers.stats = null;
    this.#rate = { at: 0, bytes: 0, bits: null };
    if (this.#transport?.running) this.#timers.stats = setInterval(() => this.#publish(), STATS_EVERY);
  }

  #publish() {
    const { bytes } = this.stats;
    const at = performance.now() / 1000;
    const { at: before, bytes: counted } = this.#rate;
    const known = before && bytes && bytes >= counted;
    this.#rate = { at, bytes, bits: known ? ((bytes - counted) * 8) / (at - before) : null };
    this.#face.drawFigures();
    this.dispatchEvent(new CustomEvent('stats', { detail: this.stats }));
  }

  /** What the video says by itself. */
  #listen() {
    const on = (name, act) => this.video.addEventListener(name, act);
    on('volumechange', () => this.#face.draw());
    on('leavepictureinpicture', () => this.#onVisibility());
    on('pause', () => this.#onPaused());
    on('webkitplaybacktargetavailabilitychanged', ({ availability }) => { this.#part('.cast').hidden = availability !== 'available'; });
    on('webkitcurrentplaybacktargetiswirelesschanged', () => {
      this.#wireless = this.video.webkitCurrentPlaybackTargetIsWireless;
      this.#sync();
    });
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

  #part(selector) {
    return this.#root.querySelector(selector);
  }
}

customElements.define('belvedere-player', BelvederePlayer);
export { BelvederePlayer };
