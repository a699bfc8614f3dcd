// Fetches SwiftShader, a Vulkan driver for CPUs, and a Vulkan loader into the cache: no root needed.
// Both come inside an npm package made for other purposes, so the tarball is fetched and not installed.
// @ts-check

import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { command } from './command.mjs';
import { swiftShader } from './environment.mjs';
import { cache } from './root.mjs';

const version = '@sparticuz/chromium@153.0.0';
const integrity = 'sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==';
const archive = 'package/bin/swiftshader.tar.br';
const files = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json'];

/** @returns {boolean} whether the driver's binaries run on this kind of machine */
export function suitsSwiftShader() {
  return process.platform === 'linux' && process.arch === 'x64';
}

/**
 * Puts the driver into the cache.
 * @returns {Promise<string | undefined>} what was done; nothing where it was there
 * @throws {import('./command.mjs').CommandError} if the package cannot be fetched
 */
export async function fetchSwiftShader() {
  if (existsSync(swiftShader)) return undefined;
  await mkdir(cache, { recursive: true });
  const directory = await mkdtemp(join(cache, 'fetch-'));
  const clear = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', clear);
  try {
    await unpack(await download(directory), directory);
    await rename(join(directory, 'driver'), swiftShader);
  } finally {
    process.off('exit', clear);
    clear();
  }
  return 'SwiftShader fetched into the cache';
}

/** @param {string} directory @returns {Promise<string>} the package's tarball */
async function download(directory) {
  const name = await command('npm', ['pack', version, '--loglevel=error', '--pack-destination', directory]);
  const tarball = join(directory, name.trim().split('\n').at(-1) ?? '');
  const hash = createHash('sha512').update(await readFile(tarball));
  const found = `sha512-${hash.digest('base64')}`;
  if (found !== integrity) throw new Error(`swiftshader: expected ${version} with ${integrity}, got ${found}`);
  return tarball;
}

/** @param {string} tarball @param {string} directory */
async function unpack(tarball, directory) {
  const inner = join(directory, 'driver.tar');
  const target = join(directory, 'driver');
  await command('tar', ['-xzf', tarball, '-C', directory, archive]);
  await writeFile(inner, await promisify(brotliDecompress)(await readFile(join(directory, archive))));
  await mkdir(target);
  await command('tar', ['-xf', inner, '-C', target, ...files]);
}
