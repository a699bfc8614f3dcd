// @ts-check
// Debian's kernel, the modules of software RDMA and the few packages that the guest needs, downloaded once into a cache
// by the host's own apt. Nothing is installed on the host.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { stop, temporaryFolder } from './stop.mjs';

// The generic kernel: the cloud one is built without software RDMA. Neither has `siw` (iWARP).
const KERNEL = 'linux-image-amd64';
const PACKAGES = [
  'busybox-static',
  'iproute2',
  'libmnl0',
  'libbpf1',
  'libbsd0',
  'libmd0',
  'libelf1',
  'libcap2',
  'zlib1g', // a shell, and `rdma link add`
  'libibverbs1',
  'ibverbs-providers',
  'ibverbs-utils',
  'librdmacm1',
  'libnl-3-200',
  'libnl-route-3-200',
  'libucx0',
  'ucx-utils',
  'libnuma1',
  'libgomp1',
  'libc6',
  'libstdc++6',
  'libgcc-s1', // Node's own libraries
];
// `crc32_*` are asked for by name at run time, so no dependency leads to them.
const MODULES = ['dummy', 'crc32_generic', 'crc32-pclmul', 'rdma_rxe', 'rdma_ucm'];
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lockstep', 'rdma-vm');

/** @param {string} tool @param {string} packageName */
function need(tool, packageName) {
  const found = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, tool)));
  if (!found) stop(`${tool} is missing: apt-get install --no-install-recommends ${packageName}`);
}

export function checkMachine() {
  if (process.platform !== 'linux' || process.arch !== 'x64') stop('only Linux on x64 is supported');
  need('apt-get', 'apt (this script needs Debian 12)');
  need('dpkg-deb', 'dpkg');
  need('qemu-system-x86_64', 'qemu-system-x86');
}

/** The kernel behind Debian's meta package, such as `linux-image-6.1.0-56-amd64`. */
function kernelPackage() {
  const answer = execFileSync('apt-cache', ['depends', '--important', KERNEL], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return /Depends: (linux-image-\S+)/.exec(answer)?.[1] ?? stop(`apt does not know ${KERNEL}: run apt-get update`);
}

/** Downloads packages and unpacks them into `root`. Nothing is installed on the host. @param {string[]} names @param {string} root */
function unpack(names, root) {
  const debs = temporaryFolder(join(CACHE, 'debs-'));
  try {
    // As root, apt would warn that its own user cannot write here; `APT::Sandbox::User` says that this is meant.
    execFileSync('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...names], {
      cwd: debs,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    for (const deb of readdirSync(debs)) execFileSync('dpkg-deb', ['-x', join(debs, deb), root]);
  } catch (error) {
    stop(
      `packages could not be fetched (apt-get update may help): ${/** @type {Error} */ (error).message.trim().split('\n').at(-1)}`,
    );
  }
}

/** Every file under `folder`. @param {string} folder @returns {string[]} */
function filesUnder(folder) {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return paths.filter((path) => lstatSync(path).isFile());
}

/** The modules that a module names as its dependencies, from its `.modinfo` section. @param {string} file */
function dependencies(file) {
  const text = readFileSync(file, 'latin1');
  return /\0depends=([^\0]*)\0/.exec(text)?.[1]?.split(',').filter(Boolean) ?? [];
}

/**
 * `MODULES` and all they need, each after its dependencies: the order in which `insmod` takes them.
 * @param {string[]} files
 */
function modulesInOrder(files) {
  /** @param {string} name */
  const plain = (name) => name.replaceAll('-', '_'); // the kernel takes the two for one
  const byName = new Map(files.map((file) => [plain(basename(file, '.ko')), file]));
  /** @type {Set<string>} */
  const ordered = new Set();
  /** @param {string} name */
  const visit = (name) => {
    const file = byName.get(plain(name)) ?? stop(`Debian's kernel lacks the module ${name}`);
    for (const needed of dependencies(file)) visit(needed);
    ordered.add(file);
  };
  MODULES.forEach(visit);
  return [...ordered];
}

/** Keeps the few modules that count, numbered in loading order; a whole kernel takes 400 MB. @param {string} root */
function fillCache(root) {
  const whole = join(root, 'whole-kernel');
  mkdirSync(join(root, 'modules'), { recursive: true });
  console.error(`rdma-vm: fetching Debian's kernel and ${PACKAGES.length} packages into ${CACHE} (once)`);
  unpack([kernelPackage()], whole);
  modulesInOrder(filesUnder(join(whole, 'lib/modules')).filter((file) => file.endsWith('.ko'))).forEach((file, i) => {
    copyFileSync(file, join(root, 'modules', `${String(i).padStart(2, '0')}-${basename(file)}`));
  });
  const kernel =
    readdirSync(join(whole, 'boot')).find((name) => name.startsWith('vmlinuz')) ??
    stop('the kernel package has no vmlinuz');
  copyFileSync(join(whole, 'boot', kernel), join(root, 'vmlinuz'));
  rmSync(whole, { recursive: true });
  unpack(PACKAGES, join(root, 'system'));
}

/** The folder with `vmlinuz`, `modules` and `system`; filled on first use, and renamed only when whole. */
export function cachedGuest() {
  const contents = createHash('sha256')
    .update([...PACKAGES, ...MODULES].join())
    .digest('hex')
    .slice(0, 8);
  const guest = join(CACHE, `guest-${contents}`); // another list, another folder
  if (existsSync(guest)) return guest;
  mkdirSync(CACHE, { recursive: true });
  const part = temporaryFolder(join(CACHE, 'part-'));
  fillCache(part);
  renameSync(part, guest);
  return guest;
}
