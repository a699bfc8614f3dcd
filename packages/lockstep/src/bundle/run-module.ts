// A run file's bundle where this user keeps them, ready to be imported by any process of his: named by its sha256, checked before it is
// believed. Imports that stay outside of a bundle are resolved here, too: `lockstep` is the one that runs, so that a process has one.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { register } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '@lockstep/trainer';
import { userCacheFolder } from '@lockstep/trainer/node';
import * as z from 'zod';
import { readJson } from '@lockstep/nn/node';
import type { Bundle, BundleOptions } from './bundle.ts';

/** A bundle on this machine. */
export interface RunModule {
  readonly sha256: string;
  /** The module to import. */
  readonly path: string;
  /** The source file that it was made of. */
  readonly file: string;
}

const originName = 'origin.json';
const originSchema = z.object({ file: z.string(), entry: z.string().regex(/^[0-9a-f]{64}\.mjs$/) });

/** Where this user's bundles are kept, to be found again from anywhere. @param from where the work begins. */
export async function bundlesFolder(from: string): Promise<string> {
  return join(await userCacheFolder(from), 'bundles');
}

/**
 * Bundles a file and keeps the bundle, in the folder of its own bundles unless `into` names another.
 * @throws {ConfigError} with file and line, for code that cannot be bundled.
 */
export async function keepBundle(
  file: string,
  { into, ...options }: BundleOptions & { readonly into?: string } = {},
): Promise<RunModule> {
  const path = resolve(file);
  const known = await asBundle(path);
  if (known) return known;
  const { bundle } = await import('./bundle.ts');
  const made = await bundle(path, options);
  const folder = join(into ?? (await bundlesFolder(dirname(path))), made.sha256);
  if (await isWhole(folder)) await followSources(folder, made, path);
  else await write(folder, made, path);
  return { sha256: made.sha256, path: join(folder, made.entry), file: path };
}

/** A file that is a bundle already, as a kit has it. */
async function asBundle(path: string): Promise<RunModule | undefined> {
  const [, sha256] = /^([0-9a-f]{64})\.mjs$/.exec(basename(path)) ?? [];
  if (sha256 === undefined || sha256Of(await readFile(path)) !== sha256) return undefined;
  return { sha256, path, file: path };
}

/**
 * A bundle that is kept, by its sha256; nothing where it is not there, or has been changed.
 * @param options.file the file that it stands for, where the caller knows: files in several places may have one bundle. Unless given,
 * the one that was bundled last.
 */
export async function findBundle(
  sha256: string,
  { folder, file: known }: { readonly folder: string; readonly file?: string | undefined },
): Promise<RunModule | undefined> {
  const own = join(folder, sha256);
  if (!/^[0-9a-f]{64}$/.test(sha256) || !(await isWhole(own))) return undefined;
  const { file, entry } = originSchema.parse(await readJson(join(own, originName), { error: ConfigError }));
  return { sha256, path: join(own, entry), file: known ?? file };
}

/** The same code may lie somewhere else by now, or its lines elsewhere in the file: what tells of sources tells of the latest. */
async function followSources(folder: string, { maps, entry }: Bundle, file: string): Promise<void> {
  for (const [name, content] of [...maps, [originName, origin(file, entry)] as const]) {
    const path = join(folder, name);
    if ((await readFile(path, 'utf8').catch(() => '')) === content) continue;
    const beside = `${path}.${randomUUID()}`;
    await writeFile(beside, content);
    await rename(beside, path);
  }
}

const origin = (file: string, entry: string): string => JSON.stringify({ file, entry });

/** Written beside, and put into place when it is whole: several processes may bundle at once. */
async function write(folder: string, made: Bundle, file: string): Promise<void> {
  const { writeBundle } = await import('./bundle.ts');
  const beside = `${folder}.${randomUUID()}`;
  await mkdir(beside, { recursive: true, mode: 0o700 });
  await writeBundle(made, beside, { [originName]: origin(file, made.entry) });
  await rm(folder, { recursive: true, force: true });
  await rename(beside, folder).catch(async (error: NodeJS.ErrnoException) => {
    await rm(beside, { recursive: true, force: true });
    if (!existsSync(folder)) throw error; // somebody else has just put the same there
  });
}

/** Whether every file named by a sha256 has it. */
async function isWhole(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => undefined);
  if (!names?.includes(originName)) return false;
  const hashed = names.filter((name) => /^[0-9a-f]{64}/.test(name));
  const sound = await Promise.all(
    hashed.map(async (name) => sha256Of(await readFile(join(folder, name))) === name.slice(0, 64)),
  );
  return sound.every(Boolean);
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

let isOffered = false;

/**
 * Lets this process import bundles: traces name the lines of the sources, and what stays outside is found. `from` is the folder that
 * packages with native parts are looked up from, the run file's.
 */
export function allowBundles(from: string): void {
  process.setSourceMapsEnabled(true);
  // Node 20 takes no hooks from TypeScript.
  if (!isOffered)
    register(new URL('../../dist/bundle/outside-hooks.js', import.meta.url), {
      data: { parent: pathToFileURL(join(from, 'run.js')).href },
    });
  isOffered = true;
}
