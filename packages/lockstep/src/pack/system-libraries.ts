// Shared libraries of the system that a bare machine may lack: the Vulkan loader, by which every driver is found, and the C++
// library that Node is linked with. They are this machine's own where it is of the target's kind, else Debian's packages.
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '@lockstep/trainer';
import { runTool } from './run-tool.ts';
import { debianNames, isHost, libraryFolders, requireMachine, type Target } from './target.ts';

export interface SystemLibrary {
  /** The name that programs ask for. */
  readonly file: string;
  /** Debian's package. */
  readonly debian: string;
}

export const vulkanLoader: SystemLibrary = { file: 'libvulkan.so.1', debian: 'libvulkan1' };
export const cxxLibraries: readonly SystemLibrary[] = [
  { file: 'libstdc++.so.6', debian: 'libstdc++6' },
  { file: 'libgcc_s.so.1', debian: 'libgcc-s1' },
];

/**
 * Copies a library for the target into `folder`.
 * @throws {ConfigError} where neither this machine nor its Debian has it.
 */
export async function copyLibrary(
  { file, debian }: SystemLibrary,
  { target, folder, work }: { target: Target; folder: string; work: string },
): Promise<void> {
  const found =
    (isHost(target) ? installed(file, target) : undefined) ?? (await fromDebian(file, debian, target, work));
  await mkdir(folder, { recursive: true });
  await requireMachine(found, target);
  await copyFile(await realpath(found), join(folder, file));
}

/** Where the libraries of a target lie under a root. */
const placesOf = (target: Target): string[] => [
  `usr/lib/${libraryFolders[target]}`,
  `lib/${libraryFolders[target]}`,
  'usr/lib64',
  'usr/lib',
];

function installed(file: string, target: Target, root = '/'): string | undefined {
  return placesOf(target)
    .map((place) => join(root, place, file))
    .find((path) => existsSync(path));
}

/** Out of Debian's package, which is fetched and unpacked, not installed; the system's own lists of packages stay as they are. */
async function fromDebian(file: string, debian: string, target: Target, work: string): Promise<string> {
  const folder = join(work, `${debian}-${target}`);
  const lists = join(work, `lists-${target}`);
  await mkdir(folder, { recursive: true });
  const architecture = debianNames[target];
  const options = [
    `-oAPT::Architecture=${architecture}`,
    `-oAPT::Architectures=${architecture}`,
    `-oDir::State::Lists=${lists}`,
    '-oAPT::Sandbox::User=',
  ];
  try {
    if (!existsSync(lists)) {
      await mkdir(join(lists, 'partial'), { recursive: true });
      await runTool('apt-get', [...options, 'update']);
    }
    await runTool('apt-get', [...options, 'download', debian], { cwd: folder });
    const archive = (await readdir(folder)).find((name) => name.endsWith('.deb'))!;
    await runTool('dpkg-deb', ['-x', join(folder, archive), folder]);
  } catch (error) {
    throw new ConfigError(
      `pack: expected ${file} for ${target}, got none here, and from apt-get: ${(error as Error).message}\nhint: on a Debian with its package lists it can be fetched`,
    );
  }
  const found = installed(file, target, folder);
  if (found === undefined) throw new ConfigError(`pack: expected ${file} in Debian's ${debian}, got none`);
  return found;
}
