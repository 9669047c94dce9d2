// The figures of a player as rows of text. Pure.

import { codecName, codecsOf } from './codecs.js';

const TRANSPORTS = { mse: 'WebSocket', fetch: 'HTTP stream', hls: 'HLS' };

/** `[name, value]` for each thing worth knowing; `stats` as the player gives them. */
export function statsRows(stats) {
  const { width, height, rendition } = stats;
  return [
    ['Transport', TRANSPORTS[stats.transport] ?? '–'],
    ['Rendition', [rendition || '–', stats.why].filter(Boolean).join(': ')],
    ['Codecs', codecsOf(stats.mime).map(codecName).join(', ') || '–'],
    ['Resolution', width ? `${width} × ${height}` : '–'],
    ['Bit rate', stats.bitRate === null ? '–' : rate(stats.bitRate)],
    ['Latency', `${seconds(stats.latency)} (aims for ${seconds(stats.target)})`],
    ['Buffered', seconds(stats.buffered)],
    ['Speed', `${stats.playbackRate.toFixed(2)} ×`],
    ['Dropped frames', `${stats.droppedFrames}`],
    ['Switches', `${stats.switches}`],
    ['Stalls, jumps', `${stats.stalls}, ${stats.jumps}`],
    ['Reconnects', `${stats.reconnects}`],
  ];
}

function seconds(value) {
  return value === null || value === undefined ? '–' : `${value.toFixed(2)} s`;
}

function rate(bits) {
  return bits >= 1e6 ? `${(bits / 1e6).toFixed(1)} Mbit/s` : `${Math.round(bits / 1e3)} kbit/s`;
}
