// Remembers that a step was done for exactly these inputs, so that a second run is fast.
// @ts-check

import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cache } from './root.mjs';

/**
 * @param {string[]} inputs whatever the step's result depends on
 * @returns {string}
 */
export function fingerprint(inputs) {
  const hash = createHash('sha256');
  for (const input of inputs) hash.update(`${input.length}\n${input}`);
  return hash.digest('hex');
}

/** @param {string} name @returns {Promise<string | undefined>} the fingerprint the step was last done for */
export function readStamp(name) {
  return readFile(join(cache, `${name}.stamp`), 'utf8').catch(() => undefined);
}

/** @param {string} name @param {string} value */
export async function writeStamp(name, value) {
  await mkdir(cache, { recursive: true });
  await writeFile(join(cache, `${name}.stamp`), value);
}
