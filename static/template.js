// What is inside a player, before anything is known of its camera.

import { icon } from './icons.js';

export const TEMPLATE = `
  <link rel="stylesheet">
  <div class="frame" part="frame" hidden>
    <video part="video" playsinline webkit-playsinline muted crossorigin="anonymous"></video>
    <canvas class="still" part="still" hidden></canvas>
    <div class="message" part="message" role="status" hidden>
      <span class="sign"></span><span class="words"><strong></strong><span class="text"></span></span>
    </div>
    <button class="tap" part="tap" type="button" aria-label="Play" hidden>${icon('play')}<span>Tap to play</span></button>
    <div class="top" part="top">
      <slot name="lead"></slot><span class="title" part="title"></span>
      <button class="badge" part="badge" type="button" title="Go live (l)"><i></i><b></b><span class="lag" title="Seconds behind the newest picture"></span></button>
    </div>
    <p class="note" part="note" role="status" hidden></p>
    <dl class="overlay" part="stats" aria-label="Figures" hidden></dl>
    <div class="controls" part="controls" role="group" aria-label="Player controls">
      <button class="play" part="button" type="button"></button>
      <span class="sound"><button class="mute" part="button" type="button"></button><input
        class="volume" part="volume" type="range" min="0" max="1" step="0.05" aria-label="Volume"></span>
      <span class="gap"></span>
      <select part="select" aria-label="Rendition" title="Rendition" hidden></select>
      <button class="figures" part="button" type="button" aria-label="Figures (i)" title="Figures (i)" aria-pressed="false">${icon('figures')}</button>
      <button class="snap" part="button" type="button" aria-label="Save this picture (s)" title="Save this picture (s)">${icon('snap')}</button>
      <button class="cast" part="button" type="button" aria-label="AirPlay" title="AirPlay" hidden>${icon('cast')}</button>
      <button class="pip" part="button" type="button" aria-label="Picture in picture (p)" title="Picture in picture (p)" hidden>${icon('pip')}</button>
      <button class="full" part="button" type="button"></button>
    </div>
  </div>`;
