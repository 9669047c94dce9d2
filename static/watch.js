// The page of one camera. In a frame of another page it is the picture and nothing else.

import './belvedere-player.js';
import { BASE, cameraOfPage } from './places.js';

const query = new URLSearchParams(location.search);
const player = document.createElement('belvedere-player');

for (const name of ['rendition', 'transport', 'latency']) {
  if (query.get(name)) player.setAttribute(name, query.get(name));
}
player.bare = query.get('controls') === '0';
player.camera = cameraOfPage();

if (window.self === window.top) {
  const back = document.createElement('a');
  back.slot = 'lead';
  back.className = 'back';
  back.href = BASE + (query.get('token') ? `?token=${encodeURIComponent(query.get('token'))}` : '');
  back.title = 'All cameras';
  back.setAttribute('aria-label', 'All cameras');
  player.append(back);
}

const rename = () => { document.title = `${player.label} · Belvedere`; };
new MutationObserver(rename).observe(player, { attributes: true, attributeFilter: ['label'] });
rename();

document.body.append(player);
player.focus({ preventScroll: true });
// Keys work wherever on the page the focus is.
document.addEventListener('keydown', (event) => {
  if (event.target === document.body) player.focus({ preventScroll: true });
}, { capture: true });
