// The barest Linux that runs a program at all: a root with the C library and a shell, no network, no other command, and a user who owns
// nothing but a home. lavapipe lies apart, as the driver of a GPU would.
import { execFileSync, spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Of the C library alone; whatever else a program needs, it brings along. */
const cLibrary = /\/(?:ld-linux-x86-64|libc|libm|libdl|libpthread|librt|libresolv)\.so\.\d+$/;
const lavapipe = '/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so';
/** What lavapipe needs and Node too: the kit has to bring them. */
const left = /\/(?:libstdc\+\+|libgcc_s)\.so/;

const user = 4711;

/** Whether this machine can make one: it takes root, and lavapipe. */
export const canMakeBareRoot: boolean =
  spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'ip', 'link', 'set', 'lo', 'up']).status === 0 &&
  statSync(lavapipe, { throwIfNoEntry: false }) !== undefined;

export class BareRoot {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
    for (const folder of ['bin', 'dev', 'proc', 'lib64', 'lib/x86_64-linux-gnu', 'opt/lavapipe', 'tmp', 'home/user'])
      mkdirSync(join(root, folder), { recursive: true });
    execFileSync('chown', [`${user}:${user}`, join(root, 'home/user')]);
    execFileSync('chmod', ['1777', join(root, 'tmp')]);
    copyFileSync('/bin/dash', join(root, 'bin/sh'));
    copyFileSync('/lib64/ld-linux-x86-64.so.2', join(root, 'lib64/ld-linux-x86-64.so.2'));
    for (const path of librariesOf(process.execPath).filter((one) => cLibrary.test(one)))
      copyFileSync(path, join(root, 'lib/x86_64-linux-gnu', basename(path)));
    for (const device of ['null', 'zero', 'urandom']) execFileSync('cp', ['-a', `/dev/${device}`, join(root, 'dev')]);
    this.#addLavapipe(join(root, 'opt/lavapipe'));
  }

  #addLavapipe(folder: string): void {
    for (const path of [lavapipe, ...librariesOf(lavapipe)])
      if (!cLibrary.test(path) && !left.test(path)) copyFileSync(path, join(folder, basename(path)));
    const ICD = { api_version: '1.3.0', library_path: '/opt/lavapipe/libvulkan_lvp.so' };
    writeFileSync(join(folder, 'lvp_icd.json'), JSON.stringify({ file_format_version: '1.0.0', ICD }));
  }

  /** Puts a folder there, which the user can read and not write. */
  add(folder: string, path: string): void {
    cpSync(folder, join(this.root, path), { recursive: true });
  }

  /** Runs a line of shell as the user, in the home, without a network but for the loopback. */
  run(line: string, { driver = true }: { driver?: boolean } = {}): SpawnSyncReturns<string> {
    const { root } = this;
    const inside = `ip link set lo up && mount -t proc proc ${root}/proc && exec chroot --userspec=${user}:${user} ${root} /bin/sh -c "$1"`;
    const environment = driver
      ? 'export VK_DRIVER_FILES=/opt/lavapipe/lvp_icd.json LD_LIBRARY_PATH=/opt/lavapipe;'
      : '';
    const args = [
      '--net',
      '--mount',
      '--pid',
      '--fork',
      'sh',
      '-c',
      inside,
      'sh',
      `cd /home/user && ${environment} ${line}`,
    ];
    return spawnSync('unshare', args, { encoding: 'utf8', env: { PATH: process.env['PATH'] } });
  }

  /** All files with their times, but for what the kernel shows as files, and the home. */
  files(): string[] {
    const entries = readdirSync(this.root, { recursive: true, withFileTypes: true });
    const paths = entries.map((entry) => join(entry.parentPath, entry.name).slice(this.root.length));
    return paths
      .filter((path) => !/^\/(?:proc|dev|home)(?:\/|$)/.test(path))
      .map((path) => `${path} ${statSync(join(this.root, path)).mtimeMs}`)
      .toSorted();
  }
}

/** Paths of the shared libraries that the loader gives a program. */
function librariesOf(program: string): string[] {
  const text = execFileSync('ldd', [program], { encoding: 'utf8' });
  return Array.from(text.matchAll(/=> (\/\S+)/g), ([, path]) => path!);
}
