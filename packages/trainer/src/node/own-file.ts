// Whose a file or folder is. Only what belongs to this user is written to, and believed without another look: no link, no second name
// of a file from elsewhere, nothing of another user's.
import { randomUUID } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, rmSync, type Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '@lockstep/errors';

/** Rights to a file that is its user's alone. */
export const privateMode = 0o600;

/** What is expected: a lock is a file that has a second name while it is taken. */
type Kind = 'file' | 'folder' | 'lock';

/** Refuses what is at `path` unless it is this user's own. Nothing is no fault. @throws {ConfigError} */
export function requireOwn(path: string, kind: Kind): void {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status) requireKind(path, status, kind);
}

/** Whether a file is there, and is this user's own. */
export function isOwnFile(path: string): boolean {
  try {
    requireOwn(path, 'file');
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/**
 * Opens a file of this user's own, and follows no link. With `O_CREAT` it is made where there is none, with the rights of `mode` less what
 * the umask takes. Truncate it when it is open: `O_TRUNC` empties what may be another's.
 * @throws {ConfigError}
 */
export function openOwnFile(path: string, flags: number, mode = 0o666): number {
  requireOwn(path, 'file'); // says more than the system does, which decides
  const file = openSync(path, flags | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0), mode);
  try {
    requireKind(path, fstatSync(file), 'file');
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/**
 * Refuses what belongs to another user; `status` is of `path`, which lies in `folder` or is it. What is root's may be used where the system
 * allows it. Windows knows no such numbers.
 * @throws {ConfigError}
 */
export function requireOwner(path: string, status: Stats, folder: string = dirname(path)): void {
  if (isOwner(status, folder)) return;
  const hint = 'what is another user’s can be read, not written: copy it, or change its owner';
  refuse(path, `a place of this user's (uid ${process.geteuid?.()}) to write to`, `one of uid ${status.uid}`, hint);
}

/** Whether something in `folder` is this user's, or root's. */
export function isOwner({ uid }: Stats, folder: string): boolean {
  const own = process.geteuid?.();
  return own === undefined || uid === own || uid === 0 || uid === ownerOfNew(folder);
}

function requireKind(path: string, status: Stats, kind: Kind): void {
  const rule = `a ${kind} of its own`;
  if (status.isSymbolicLink())
    refuse(path, rule, 'a link', 'links are followed on the way to a run’s folder, not within it');
  if (kind === 'folder' ? !status.isDirectory() : !status.isFile())
    refuse(path, `a ${kind}`, 'something else', 'move it away');
  if (kind === 'file' && status.nlink > 1)
    refuse(path, rule, `one with ${status.nlink} names (hard links)`, 'replace it by a copy');
  requireOwner(path, status);
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
