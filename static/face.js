// What a player shows over its picture: how things stand, and the controls.

import { hasSound } from './codecs.js';
import { icon } from './icons.js';
import { statsRows } from './overlay.js';
import { countdown, words } from './words.js';

const WITHOUT_MESSAGE = new Set(['idle', 'live', 'tap']);
const CONTROLS_STAY = 2600;
const NOTE_STAYS = 8000;
/** Seconds behind the newest picture from which on somebody may want to be told that there is a newer one. */
const BEHIND = 4;

export class Face {
  constructor(root, player) {
    this.root = root;
    this.player = player;
    this.timers = {};
  }

  part(selector) {
    return this.root.querySelector(selector);
  }

  /** Brings everything in line with the player. */
  draw() {
    const { player } = this;
    const { state } = player;
    const { title, text } = words(state, player.reason);
    const message = this.part('.message');
    message.hidden = WITHOUT_MESSAGE.has(state);
    setText(message.querySelector('strong'), title);
    this.say(text);
    this.setIcon('.sign', state === 'paused' ? 'pause' : state);
    this.part('.tap').hidden = state !== 'tap';
    this.part('.frame').dataset.state = state;
    setText(this.part('.title'), player.label);
    this.drawControls();
    this.drawFigures();
  }

  /** The sentence of the message, with the seconds until the next attempt behind it, which go down by themselves. */
  say(text) {
    clearTimeout(this.timers.countdown);
    const left = countdown(this.player.retryAt);
    setText(this.part('.message .text'), left ? `${text} ${left}` : text);
    if (left) this.timers.countdown = setTimeout(() => this.say(text), 1000);
  }

  drawControls() {
    const { player } = this;
    const { video, stopped } = player;
    const silent = player.muted || player.volume === 0;
    this.setButton('.play', stopped ? 'play' : 'pause', stopped ? 'Play (k)' : 'Pause (k)');
    this.setButton('.mute', silent ? 'mute' : 'sound', silent ? 'Unmute (m)' : 'Mute (m)');
    const { mime } = player.stats;
    this.part('.sound').hidden = mime.includes('codecs') && !hasSound(mime);
    this.part('.volume').value = silent ? 0 : player.volume;
    const full = document.fullscreenElement === player;
    this.setButton('.full', full ? 'unfull' : 'full', full ? 'Leave full screen (f)' : 'Full screen (f)');
    this.part('.full').hidden = !(document.fullscreenEnabled || video.webkitSupportsFullscreen);
    this.part('.pip').hidden = !(document.pictureInPictureEnabled || video.webkitSupportsPresentationMode?.('picture-in-picture'));
    this.part('.figures').setAttribute('aria-pressed', String(!this.part('.overlay').hidden));
  }

  /** What changes by itself: the lag beside the state, and the overlay. */
  drawFigures() {
    const { player } = this;
    const { state, stats } = player;
    const live = state === 'live' && stats.latency !== null;
    const behind = state === 'paused' || (live && stats.latency > Math.max(BEHIND, stats.target + BEHIND / 2));
    setText(this.part('.badge b'), behind ? 'Go live' : state === 'live' ? 'Live' : words(state).title);
    setText(this.part('.lag'), live ? `${stats.latency.toFixed(1)} s` : '');
    this.part('.badge').classList.toggle('behind', behind);
    const overlay = this.part('.overlay');
    if (!overlay.hidden) fill(overlay, statsRows(stats));
  }

  toggleFigures() {
    const overlay = this.part('.overlay');
    overlay.hidden = !overlay.hidden;
    this.draw();
  }

  /** Says something in passing, as why the picture is another one now. */
  note(text) {
    const note = this.part('.note');
    setText(note, text);
    note.hidden = !text;
    clearTimeout(this.timers.note);
    if (text) this.timers.note = setTimeout(() => { note.hidden = true; }, NOTE_STAYS);
  }

  /** Shows the controls for a while. */
  wake() {
    const { classList } = this.part('.frame');
    classList.add('awake');
    clearTimeout(this.timers.awake);
    this.timers.awake = setTimeout(() => classList.remove('awake'), CONTROLS_STAY);
  }

  sleep() {
    this.part('.frame').classList.remove('awake');
  }

  /** Fills the menu with `{name, text, playable}`. */
  offer(choices, chosen, shown) {
    const select = this.part('select');
    select.replaceChildren(...choices.map(({ name, text, playable }) => {
      const option = new Option(text, name, false, name === chosen);
      option.disabled = !playable;
      return option;
    }));
    select.hidden = !shown;
  }

  setButton(selector, name, label) {
    this.setIcon(selector, name);
    const button = this.part(selector);
    if (button.title === label) return;
    button.title = label;
    button.setAttribute('aria-label', label);
  }

  setIcon(selector, name) {
    const place = this.part(selector);
    if (place.dataset.icon === name) return;
    place.dataset.icon = name;
    place.innerHTML = icon(name);
  }
}

function fill(list, rows) {
  if (list.children.length !== 2 * rows.length) {
    list.replaceChildren(...rows.flatMap(() => [document.createElement('dt'), document.createElement('dd')]));
  }
  rows.forEach(([name, value], row) => {
    setText(list.children[2 * row], name);
    setText(list.children[2 * row + 1], value);
  });
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
