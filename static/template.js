// What is inside a player, before anything is known of its camera.

import { icon } from './icons.js';

export const TEMPLATE = `
  <link rel="stylesheet">
  <div class="frame" part="frame" hidden>
    <video part="video" playsinline webkit-playsinline muted></video>
    <canvas class="still" part="still" hidden></canvas>
    <div class="message" part="message" role="status" hidden>
      <span class="sign"></span><span class="words"><strong></strong><span class="text"></span></span>
    </div>
    <button class="tap" part="tap" type="button" aria-label="Play" hidden>${icon('play')}<span>Tap to play</span></button>
    <div class="top" part="top">
      <slot name="lead"></slot><span class="title" part="title"></span>
      <span class="badge" part="badge"><i></i><b></b><span class="lag" title="Seconds behind the newest picture"></span></span>
    </div>
    <div class="controls" part="controls" role="group" aria-label="Player controls">
      <button class="play" part="button" type="button"></button>
      <button class="mute" part="button" type="button"></button>
      <span class="gap"></span>
      <select part="select" aria-label="Rendition" title="Rendition" hidden></select>
      <button class="pip" part="button" type="button" aria-label="Picture in picture (p)" title="Picture in picture (p)" hidden>${icon('pip')}</button>
      <button class="full" part="button" type="button"></button>
    </div>
  </div>`;
