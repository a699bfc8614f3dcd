import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConfigError } from '@lockstep/errors';
import { cacheFolder } from './cache-folder.ts';

const uid = process.geteuid?.();
const isRoot = uid === 0;

let base = '';
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'lockstep-cache-'));
  vi.stubEnv('LOCKSTEP_CACHE', join(base, 'cache'));
  vi.stubEnv('HOME', join(base, 'home'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(base, { recursive: true });
});

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

test('a cache that is made is its user’s alone, whatever the umask', async () => {
  const before = process.umask(0);
  try {
    expect(await modeOf(await cacheFolder(base))).toBe('700');
  } finally {
    process.umask(before);
  }
});

test('a folder of the user’s that others may read is taken as it is', async () => {
  await mkdir(join(base, 'cache'));
  await chmod(join(base, 'cache'), 0o755);
  expect(await cacheFolder(base)).toBe(join(base, 'cache'));
  expect(await modeOf(join(base, 'cache'))).toBe('755');
});

test('in a folder where others write, such as /tmp, it is a folder of the user’s own', async () => {
  await mkdir(join(base, 'cache'));
  await chmod(join(base, 'cache'), 0o1777);
  const own = await cacheFolder(base);
  expect(own).toBe(join(base, 'cache', `lockstep-${uid}`));
  expect(await cacheFolder(base)).toBe(own);
  expect([await modeOf(own), await modeOf(join(base, 'cache'))]).toEqual(['700', '777']);
});

test('what others have put there in its place is not taken', async () => {
  await mkdir(join(base, 'cache'));
  await chmod(join(base, 'cache'), 0o1777);
  const own = join(base, 'cache', `lockstep-${uid}`);
  await mkdir(join(base, 'planted'));
  await symlink(join(base, 'planted'), own);
  await expect(cacheFolder(base)).rejects.toThrow(ConfigError);
  await rm(own);
  await mkdir(own);
  await chmod(own, 0o777);
  await expect(cacheFolder(base)).rejects.toThrow(
    `text: expected a cache folder that can be written, got another user's, or one that others write to, at ${own}\nhint: `,
  );
  if (!isRoot) return;
  await chmod(own, 0o700);
  await chown(own, 12_345, 12_345);
  await expect(cacheFolder(base)).rejects.toThrow(ConfigError);
});

test('where a package’s own cache cannot be, it lies in the home folder', async () => {
  vi.stubEnv('LOCKSTEP_CACHE', '');
  await mkdir(join(base, 'node_modules'));
  await writeFile(join(base, 'package.json'), '{}');
  await writeFile(join(base, 'node_modules', '.cache'), 'a file');
  expect(await cacheFolder(base)).toBe(join(base, 'home', '.cache', 'lockstep'));
});
