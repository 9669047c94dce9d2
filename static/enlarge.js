// One tile of the wall over all others, under the address of its camera's own page.

import { watchUrl } from './places.js';

export class Enlarging {
  /** @param changed called with the tile that is large now, or null */
  constructor(changed) {
    this.home = { address: location.href, title: document.title };
    this.changed = changed;
    this.tile = null;
    // The page's address is going to change, its icon's is not.
    for (const link of document.querySelectorAll('link[rel=icon]')) link.setAttribute('href', link.href);
    addEventListener('popstate', () => this.shrink());
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.tile && !document.fullscreenElement) this.leave();
    });
  }

  /** Lets a click on `tile`, `{link, player}`, enlarge it; with a modifier it is a link like any other. */
  offer(tile) {
    tile.link.addEventListener('click', (event) => {
      if (this.tile || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      this.enlarge(tile);
    });
  }

  enlarge(tile) {
    const { link, player } = tile;
    this.tile = tile;
    this.rendition = player.rendition;
    history.pushState(null, '', link.href);
    document.title = `${player.label} · Belvedere`;
    link.removeAttribute('href'); // what is inside is no link any more
    link.classList.add('large');
    document.body.classList.add('enlarged');
    player.append(this.wayBack());
    player.bare = false;
    player.rendition = 'auto';
    player.focus({ preventScroll: true });
    this.changed(tile);
  }

  wayBack() {
    this.back = document.createElement('a');
    Object.assign(this.back, { slot: 'lead', className: 'back', href: this.home.address, title: 'All cameras (Esc)' });
    this.back.setAttribute('aria-label', 'All cameras');
    this.back.addEventListener('click', (event) => {
      if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      this.leave();
    });
    return this.back;
  }

  /** Back in history, so that the browser's own way back is the same. */
  leave() {
    history.back();
  }

  shrink() {
    if (!this.tile) return;
    const { link, player } = this.tile;
    this.tile = null;
    if (document.fullscreenElement) document.exitFullscreen();
    this.back.remove();
    document.title = this.home.title;
    document.body.classList.remove('enlarged');
    link.classList.remove('large');
    link.href = watchUrl(player.camera);
    player.bare = true;
    player.muted = true;
    if (player.stopped) player.play();
    player.rendition = this.rendition;
    link.focus({ preventScroll: true });
    this.changed(null);
  }
}
