// What the player says to a person.

const TITLES = {
  connecting: 'Connecting',
  offline: 'Camera offline',
  unsupported: 'Not playable here',
  denied: 'No permission',
  paused: 'Paused',
  tap: 'Tap to play',
};

const SENTENCES = {
  connecting: 'Waiting for the first picture.',
  offline: 'The camera sends no pictures.',
  unsupported: 'This browser cannot decode what the camera sends.',
  denied: 'You are not allowed to watch this camera. Ask its owner for a new link.',
  paused: 'Press play to go on with the live picture.',
  tap: 'The browser waits for you before it plays.',
};

/** Title and sentence for a state of the player. */
export function words(state, reason) {
  return { title: TITLES[state] ?? '', text: sentence(reason) || SENTENCES[state] || '' };
}

/** A reason as a sentence: capital first, full stop last. */
export function sentence(reason) {
  const text = (reason ?? '').trim();
  if (!text) return '';
  const capital = text[0].toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

/** What the server says about a camera, as a state of the player; null when pictures flow. `retry_in` are the seconds
 *  until it is tried again; `retryAt` is when that is, in seconds as `performance.now()` counts them. */
export function phaseOfCamera({ state, reason, retry_in: retryIn }) {
  const phase = phaseOf(state, reason);
  return phase && { ...phase, retryAt: typeof retryIn === 'number' ? performance.now() / 1000 + retryIn : null };
}

/** The sentence that counts down to the next attempt; empty where none is waited for. */
export function countdown(retryAt) {
  const left = retryAt ? Math.ceil(retryAt - performance.now() / 1000) : 0;
  if (left <= 0) return '';
  return left < 100 ? `Trying again in ${left} s.` : `Trying again in ${Math.ceil(left / 60)} minutes.`;
}

function phaseOf(state, reason) {
  switch (state) {
    case 'live': return null;
    case 'idle': return { state: 'connecting', reason: reason || 'The camera is being woken up.' };
    case 'connecting': return { state: 'connecting', reason: reason || 'The server is calling the camera.' };
    case 'stalled': return { state: 'offline', reason: reason || 'The camera is connected but sends no pictures.' };
    case 'unauthorized': return { state: 'offline', reason: reason || 'The camera refuses the user name or password it was given.' };
    case 'unsupported': return { state: 'unsupported', reason: reason || 'The camera sends something that cannot be served.' };
    case 'ended': return { state: 'offline', reason: reason || 'This stream has ended.' };
    default: return { state: 'offline', reason: reason || 'The camera does not answer; trying again.' };
  }
}
