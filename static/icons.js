// The few icons of the player, drawn on a 24-unit grid.

const PATHS = {
  play: '<path d="M8 5.2v13.6L19 12z" fill="currentColor" stroke="none"/>',
  pause: '<path d="M8.5 5.5v13M15.5 5.5v13" stroke-width="2.6"/>',
  sound: '<path d="M4 9.5v5h3.2L12 18.6V5.4L7.2 9.5z" fill="currentColor"/><path d="M15.2 9a4.2 4.2 0 0 1 0 6M17.8 6.4a8 8 0 0 1 0 11.2"/>',
  mute: '<path d="M4 9.5v5h3.2L12 18.6V5.4L7.2 9.5z" fill="currentColor"/><path d="M15.6 9.6l4.8 4.8M20.4 9.6l-4.8 4.8"/>',
  full: '<path d="M4.5 9V4.5H9M15 4.5h4.5V9M19.5 15v4.5H15M9 19.5H4.5V15"/>',
  unfull: '<path d="M9 4.5V9H4.5M19.5 9H15V4.5M15 19.5V15h4.5M4.5 15H9v4.5"/>',
  pip: '<rect x="3.5" y="5" width="17" height="14" rx="2"/><rect x="11.5" y="11.5" width="6.6" height="5" rx="1" fill="currentColor" stroke="none"/>',
  figures: '<path d="M5 19.5V13M10 19.5V5M15 19.5v-9M20 19.5V8"/>',
  snap: '<path d="M4 8.5h3.2l1.6-2.5h6.4l1.6 2.5H20v10.5H4z"/><circle cx="12" cy="13.3" r="3.3"/>',
  cast: '<path d="M7 16.5H4.5v-11h15v11H17"/><path d="M12 14.5l4.5 5h-9z" fill="currentColor"/>',
  connecting: '<circle cx="12" cy="12" r="8.5" opacity=".22"/><path d="M12 3.5a8.5 8.5 0 0 1 8.5 8.5"/>',
  offline: '<path d="M4 7.5A1.5 1.5 0 0 1 5.5 6H13a1.5 1.5 0 0 1 1.5 1.5v9A1.5 1.5 0 0 1 13 18H5.5A1.5 1.5 0 0 1 4 16.5zM14.5 10.5L20 7.5v9l-5.5-3M3 3l18 18"/>',
  unsupported: '<rect x="3.5" y="5" width="17" height="14" rx="2"/><path d="M9.5 9.5l5 5M14.5 9.5l-5 5"/>',
  denied: '<rect x="5.5" y="10.5" width="13" height="9" rx="2"/><path d="M8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5"/>',
};

export function icon(name) {
  const paths = PATHS[name] ?? '';
  return `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${paths}</svg>`;
}
