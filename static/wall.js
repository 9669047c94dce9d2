// The wall: every camera, live. Only tiles in sight stream; one that is enlarged hides all others.

import './belvedere-player.js';
import { CamerasError, listCameras, tileRendition } from './cameras.js';
import { Enlarging } from './enlarge.js';
import { layout } from './layout.js';
import { watchUrl } from './places.js';
import { words } from './words.js';

const REFRESH = 10_000;
const REFRESH_SOON = 3_000;

const wall = document.querySelector('#wall');
const tally = document.querySelector('#tally');
const notice = document.querySelector('#notice');
/** States in which there is something to say about a camera. */
const TROUBLE = ['offline', 'unsupported', 'denied'];
const tiles = new Map();
const query = new URLSearchParams(location.search);
let unreachable = false;
let refreshing;

const inSight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.toggleAttribute('data-seen', isIntersecting);
    rest(target);
  }
}, { rootMargin: '80px' });

const enlarging = new Enlarging(() => {
  for (const { link } of tiles.values()) rest(link);
  fit();
});

/** Lets a tile stream while it can be seen. */
function rest(link) {
  const player = link.querySelector('belvedere-player');
  player.suspended = enlarging.tile ? enlarging.tile.link !== link : !link.hasAttribute('data-seen');
}

function newTile(camera) {
  const link = document.createElement('a');
  link.className = 'tile';
  link.href = watchUrl(camera.name);
  const player = document.createElement('belvedere-player');
  player.bare = true;
  player.suspended = true;
  player.camera = camera.name;
  for (const name of ['transport', 'latency']) if (query.get(name)) player.setAttribute(name, query.get(name));
  player.addEventListener('statechange', ({ detail: { state, reason } }) => {
    const { title, text } = words(state, reason);
    link.title = TROUBLE.includes(state) ? `${title}: ${text}` : '';
    count();
  });
  link.append(player);
  inSight.observe(link);
  enlarging.offer({ link, player });
  return { link, player };
}

function describe(tile, camera) {
  const { link, player } = tile;
  const title = camera.title || camera.name;
  tile.camera = camera;
  player.label = title;
  link.setAttribute('aria-label', `Watch ${title}`);
  // A picture of nearly the tile's shape fills it; others keep their edges.
  const { width, height } = camera.renditions?.find((rendition) => rendition.width) ?? {};
  const fills = !width || Math.abs(width / height / (16 / 9) - 1) < 0.12;
  player.style.setProperty('--belvedere-fit', fills ? 'cover' : 'contain');
}

function show(cameras) {
  const names = new Set(cameras.map(({ name }) => name));
  for (const [name, { link }] of tiles) {
    if (names.has(name)) continue;
    if (enlarging.tile?.link === link) enlarging.leave();
    inSight.unobserve(link);
    link.remove();
    tiles.delete(name);
  }
  cameras.forEach((camera, place) => {
    let tile = tiles.get(camera.name);
    if (!tile) {
      tile = newTile(camera);
      tiles.set(camera.name, tile);
    }
    describe(tile, camera);
    // Moving a tile that is in its place already would restart it.
    if (wall.children[place] !== tile.link) wall.insertBefore(tile.link, wall.children[place] ?? null);
  });
  fit();
  count();
}

/** Lets the tiles fill the window. */
function fit() {
  if (!tiles.size) return;
  const style = getComputedStyle(wall);
  const width = wall.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  const height = innerHeight - wall.getBoundingClientRect().top - scrollY - parseFloat(style.paddingBottom);
  const { columns, tile, gap } = layout(tiles.size, width, height);
  wall.style.setProperty('--columns', columns);
  wall.style.setProperty('--tile', `${tile}px`);
  wall.style.setProperty('--gap', `${gap}px`);
  for (const { link, player, camera } of tiles.values()) {
    if (!link.classList.contains('large')) player.rendition = tileRendition(camera, tile);
  }
}

function count() {
  const all = tiles.size;
  const offline = [...tiles.values()].filter(({ player }) => TROUBLE.includes(player.state)).length;
  const cameras = all === 1 ? '1 camera' : `${all} cameras`;
  tally.textContent = !all ? '' : offline ? `${cameras}, ${offline} offline` : cameras;
}

function tell(title, text) {
  notice.hidden = !title;
  notice.querySelector('strong').textContent = title ?? '';
  notice.querySelector('span').textContent = text ?? '';
  notice.classList.toggle('alone', !tiles.size);
}

async function refresh() {
  clearTimeout(refreshing);
  if (document.hidden) return; // somebody comes back before anything of it matters
  let next = REFRESH;
  try {
    const cameras = await listCameras();
    show(cameras);
    if (unreachable) for (const { player } of tiles.values()) player.retry();
    unreachable = false;
    if (cameras.length) tell();
    else tell('No cameras yet', 'Name one in the configuration, and it appears here by itself.');
  } catch (error) {
    next = REFRESH_SOON;
    unreachable = true;
    if (!(error instanceof CamerasError)) console.error(error);
    if (error.kind === 'denied') tell('No permission', 'Ask the owner of these cameras for an access link.');
    else tell('The server does not answer', 'This page goes on by itself as soon as it does.');
  }
  clearTimeout(refreshing);
  refreshing = setTimeout(refresh, next);
}

new ResizeObserver(fit).observe(wall);
addEventListener('resize', fit);
document.addEventListener('visibilitychange', refresh);
refresh();
