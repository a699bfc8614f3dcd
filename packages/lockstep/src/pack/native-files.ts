// What of a kit is machine code: Node, Dawn, koffi, the tokenizers' library, the bundler, and the system's libraries that may be lacking. Only the
// target's own files go in, and each is looked at.
import { chmod, copyFile, cp, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fetchPackage, requirePackage, versionOf } from './packages.ts';
import { copyLibrary, cxxLibraries, vulkanLoader } from './system-libraries.ts';
import { architectureOf, isHost, machineOf, requireMachine, type Target } from './target.ts';

/** A Node that runs TypeScript as it is, and that npm has for every target. */
const nodeVersion = '24.21.0';

export interface KitFolders {
  readonly target: Target;
  /** The folder that becomes the archive. */
  readonly kit: string;
  /** For what is fetched on the way; removed by whoever made it. */
  readonly work: string;
}

/** Versions of what went in, by name. */
export type Contents = Record<string, string>;

/** Puts all machine code into the kit. @throws {ConfigError} for what cannot be had. */
export async function addNativeFiles(folders: KitFolders): Promise<Contents> {
  const { target, kit, work } = folders;
  const node = await addNode(folders);
  const webgpu = await addWebgpu(folders);
  const koffi = await addKoffi(folders);
  const tokenizers = await addTokenizers(folders);
  const esbuild = await addEsbuild(folders);
  await copyLibrary(vulkanLoader, { target, work, folder: join(kit, 'lib') });
  for (const library of cxxLibraries) await copyLibrary(library, { target, work, folder: join(kit, 'lib/cxx') });
  return { node, webgpu, koffi, tokenizers, esbuild };
}

/** From the registry, so that every kit has the same one; where there is no registry, the one that runs here. */
async function addNode({ target, kit, work }: KitFolders): Promise<string> {
  const to = join(kit, 'bin/node');
  await mkdir(dirname(to), { recursive: true });
  const { program, version } = await findNode(target, work);
  await requireMachine(program, target);
  await copyFile(program, to);
  await chmod(to, 0o755);
  return version;
}

async function findNode(target: Target, work: string): Promise<{ program: string; version: string }> {
  try {
    const folder = await fetchPackage(`node-${target}@${nodeVersion}`, work);
    return { program: join(folder, 'bin/node'), version: nodeVersion };
  } catch (error) {
    if (!isHost(target)) throw error;
    return { program: process.execPath, version: process.versions.node };
  }
}

async function addWebgpu({ target, kit }: KitFolders): Promise<string> {
  const from = requirePackage('webgpu', import.meta.url);
  const to = join(kit, 'node_modules/webgpu');
  await copyFiles(from, to, ['index.js', 'package.json', 'LICENSE.md']);
  await cp(join(from, 'dist', target), join(to, 'dist', target), { recursive: true });
  await requireMachine(join(to, 'dist', target, 'dawn.node'), target);
  return versionOf(from);
}

async function addKoffi({ target, kit, work }: KitFolders): Promise<string> {
  const rdma = join(requirePackage('@lockstep/rdma', import.meta.url), 'package.json');
  const from = requirePackage('koffi', rdma);
  const version = await versionOf(from);
  const to = join(kit, 'node_modules/koffi');
  await copyFiles(from, to, ['index.js', 'index.cjs', 'indirect.js', 'indirect.cjs', 'package.json', 'LICENSE.txt']);
  await cp(join(from, 'src'), join(to, 'src'), {
    recursive: true,
    filter: (path) => !/\.(cc|hh|inc|S|asm)$/.test(path),
  });
  const name = `@koromix/koffi-${target}`;
  const native = isHost(target)
    ? requirePackage(name, join(from, 'package.json'))
    : await fetchPackage(`${name}@${version}`, work);
  const place = `linux_${architectureOf(target)}`;
  await copyFiles(native, join(kit, 'node_modules', name), ['index.js', 'package.json']);
  await cp(join(native, place), join(kit, 'node_modules', name, place), { recursive: true });
  await requireMachine(join(kit, 'node_modules', name, place, 'koffi.node'), target);
  return version;
}

async function addTokenizers({ target, kit }: KitFolders): Promise<string> {
  const nn = join(requirePackage('@lockstep/nn', import.meta.url), 'package.json');
  const from = requirePackage('tokenizers', nn);
  const native = `tokenizers.${target}-gnu.node`;
  await copyFiles(from, join(kit, 'node_modules/tokenizers'), ['index.js', 'package.json', 'LICENSE', native]);
  await requireMachine(join(kit, 'node_modules/tokenizers', native), target);
  return versionOf(from);
}

/** For run files that are written beside the kit. */
async function addEsbuild({ target, kit, work }: KitFolders): Promise<string> {
  const from = requirePackage('esbuild', import.meta.url);
  const version = await versionOf(from);
  const to = join(kit, 'node_modules/esbuild');
  await copyFiles(from, to, ['package.json', 'LICENSE.md']);
  await copyFiles(join(from, 'lib'), join(to, 'lib'), ['main.js']);
  const name = `@esbuild/${target}`;
  const native = isHost(target)
    ? requirePackage(name, join(from, 'package.json'))
    : await fetchPackage(`${name}@${version}`, work);
  const program = join(kit, 'node_modules', name);
  await copyFiles(native, program, ['package.json']);
  await copyFiles(join(native, 'bin'), join(program, 'bin'), ['esbuild']);
  await requireMachine(join(program, 'bin/esbuild'), target);
  return version;
}

async function copyFiles(from: string, to: string, names: readonly string[]): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of names) await copyFile(join(from, name), join(to, name));
}

/** All programs and libraries in a folder that are not the target's. */
export async function strangers(folder: string, target: Target): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const machine = await machineOf(path);
    if (machine !== undefined && machine !== target) found.push(path);
  }
  return found;
}
