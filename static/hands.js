// What a person does with a player: buttons, keys, touches.

const VOLUME_STEP = 0.1;

/** Lets the parts of `root` and the keys of `player` act on the player. */
export function wire(root, player, face) {
  const on = (selector, name, act) => root.querySelector(selector).addEventListener(name, act);
  const acts = actsOn(player, face);
  on('.play', 'click', acts.k);
  on('.tap', 'click', () => player.play());
  on('.mute', 'click', acts.m);
  on('.volume', 'input', ({ target }) => setVolume(player, Number(target.value)));
  on('.badge', 'click', acts.l);
  on('.figures', 'click', acts.i);
  on('.snap', 'click', acts.s);
  on('.full', 'click', acts.f);
  on('.pip', 'click', acts.p);
  on('.cast', 'click', () => player.video.webkitShowPlaybackTargetPicker?.());
  on('select', 'change', ({ target }) => { player.rendition = target.value; });
  on('video', 'dblclick', () => !player.bare && player.toggleFullscreen());
  for (const name of ['pointermove', 'pointerdown', 'focusin']) player.addEventListener(name, () => face.wake());
  player.addEventListener('pointerleave', ({ pointerType }) => {
    if (pointerType === 'mouse') face.sleep(); // a finger leaves at the end of each tap
  });
  player.addEventListener('keydown', (event) => onKey(event, player, face, acts));
}

function actsOn(player, face) {
  const togglePlay = () => (player.stopped ? player.play() : player.pause());
  return {
    k: togglePlay,
    ' ': togglePlay,
    m: () => player.toggleMuted(),
    f: () => player.toggleFullscreen(),
    p: () => player.togglePictureInPicture(),
    l: () => player.goLive(),
    i: () => face.toggleFigures(),
    s: () => player.saveSnapshot(),
    arrowup: () => setVolume(player, player.volume + VOLUME_STEP),
    arrowdown: () => setVolume(player, player.volume - VOLUME_STEP),
  };
}

function setVolume(player, volume) {
  player.volume = Math.min(Math.max(volume, 0), 1);
  player.muted = player.volume === 0;
}

function onKey(event, player, face, acts) {
  if (player.bare || event.ctrlKey || event.metaKey || event.altKey) return;
  const inner = event.composedPath()[0];
  if (event.key === ' ' && inner instanceof HTMLButtonElement) return; // presses the button
  if (inner instanceof HTMLSelectElement || inner instanceof HTMLInputElement) return;
  const act = acts[event.key.toLowerCase?.() ?? event.key];
  if (!act) return;
  event.preventDefault();
  face.wake();
  act();
}
