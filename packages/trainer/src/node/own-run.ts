// A run's folder as a place to write: it and all that is written in it belong to this user, no link leads out of it, and nobody else can
// change it while it is written. Links above the folder are the user's own (`runs -> /scratch/me`) and are followed.
import { randomUUID } from 'node:crypto';
import { chmodSync, closeSync, constants, fstatSync, lstatSync, openSync, rmSync, statSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '../errors.ts';
import { runPaths } from './run-directory.ts';

/** Who else may read a run: nobody, or the members of the folder's group. */
export type Share = 'nobody' | 'group';

/** The modes of folders; files have the same without leave to pass through. */
const modes: Readonly<Record<Share, number>> = { nobody: 0o700, group: 0o750 };
const permissions = 0o777;

/**
 * Takes the rights to a run's folder from everybody who is not to have them, so that what {@link requireOwnRun} has found stays true.
 * Where nothing is said, a folder that is open to its group alone stays so, and one that all could read is closed.
 * @throws {ConfigError} for a folder of another user.
 */
export function closeRun(root: string, share: Share = shareOf(root)): void {
  const status = statSync(root);
  requireOwner(root, status, root);
  const mode = (status.mode & ~permissions & 0o7777) | modes[share];
  if ((status.mode & 0o7777) === mode) return;
  try {
    chmodSync(root, mode);
  } catch {
    // A disk that keeps no modes (FAT, some network disks), or root's folder: there the system's rights are whatever they are.
  }
}

/** Who may read the runs that are written in a folder, by its mode; nobody where there is none. */
export function shareOf(root: string): Share {
  const mode = statSync(root, { throwIfNoEntry: false })?.mode ?? 0;
  return (mode & permissions) === modes.group ? 'group' : 'nobody';
}

/** The umask of a process that writes a run: what it takes from the files that others may not read. */
export function umaskOf(share: Share): number {
  return permissions & ~modes[share];
}

/**
 * Checks every place in a run's folder that is written to. What is not there yet is no fault.
 * @throws {ConfigError} naming the first that is a link, of another user, or something else than it should be.
 */
export function requireOwnRun(root: string): void {
  const { checkpoints, model, record, metrics, chart, samples } = runPaths(root);
  requireOwner(root, statSync(root), root);
  for (const path of [checkpoints, model]) requireOwn(path, 'folder');
  for (const path of [record, metrics, chart, samples]) requireOwn(path, 'file');
}

/** Opens a file to append to, or to read and write, only where it is the user's own. Makes it where there is none. @throws {ConfigError} */
export function openOwnFile(path: string, flags: number): number {
  requireOwn(path, 'file'); // says more than the system does, which decides
  const file = openSync(
    path,
    flags | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0),
    0o666,
  );
  try {
    requireKind(path, fstatSync(file), 'file');
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function requireOwn(path: string, kind: 'file' | 'folder'): void {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status) requireKind(path, status, kind);
}

function requireKind(path: string, status: Stats, kind: 'file' | 'folder'): void {
  if (status.isSymbolicLink())
    refuse(
      path,
      `a ${kind} of the run's own`,
      'a link',
      'links are followed on the way to a run’s folder, not within it',
    );
  if (kind === 'folder' ? !status.isDirectory() : !status.isFile())
    refuse(path, `a ${kind}`, 'something else', 'move it away');
  if (kind === 'file' && status.nlink > 1)
    refuse(
      path,
      "a file of the run's own",
      `one with ${status.nlink} names (hard links)`,
      `cp makes it one of its own`,
    );
  requireOwner(path, status, dirname(path));
}

/** `folder`: the one that holds it, or itself. Windows knows no such numbers. */
function requireOwner(path: string, { uid }: Stats, folder: string): void {
  const own = process.geteuid?.();
  if (own === undefined || uid === own || uid === 0 || uid === ownerOfNew(folder)) return;
  const hint = 'another user’s run can be read: generate takes it; to go on with it, copy it, or change its owner';
  refuse(path, `a place of this user's (uid ${own}) to write to`, `one of uid ${uid}`, hint);
}

/** Network disks may call this user by another number (root as nobody, everybody as who mounted them): the one that a new file gets. */
function ownerOfNew(folder: string): number | undefined {
  const path = join(folder, `.${randomUUID()}.owner`);
  try {
    const file = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
    const { uid } = fstatSync(file);
    closeSync(file);
    rmSync(path);
    return uid;
  } catch {
    return undefined;
  }
}

function refuse(path: string, rule: string, got: string, hint: string): never {
  throw new ConfigError(`${path}: expected ${rule}, got ${got}\nhint: ${hint}`);
}
