// A link that ends while somebody watches by it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { BINARY } from './support/belvedere.js';
import { Stage } from './support/stage.js';

test('who may watch no longer is told so, and sees nothing more', async (t) => {
  const stage = new Stage(t);
  const directory = await mkdtemp(join(tmpdir(), 'belvedere-denied-'));
  t.after(() => rm(directory, { recursive: true }));
  const config = join(directory, 'belvedere.toml');
  await writeFile(join(directory, 'tokens.key'), randomBytes(32).toString('hex'), { mode: 0o600 });
  await writeFile(config, '[auth.keys.k1]\nsecret_file = "tokens.key"\n');
  const server = await stage.belvedere(['--config', config, '--demo']);
  const { stdout } = await promisify(execFile)(BINARY, ['token', '--config', config, '--camera', 'demo', '--for', '20s']);
  const view = await stage.open(server.at(`t/${stdout.trim()}/watch/demo`));
  await view.untilPlaying();
  const { reason } = await view.until('the link has ended', ({ state }) => state === 'denied');
  stage.tell('denied', { reason });
  const said = await view.page.locator('belvedere-player .message').innerText();
  assert.match(said, /No permission/);
});
