// A run's folder as a place to write: it and all that is written in it belong to this user, no link leads out of it, and nobody else can
// change it while it is written. Links above the folder are the user's own (`runs -> /scratch/me`) and are followed.
import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { requireOwn, requireOwner } from './own-file.ts';
import { runPaths } from './run-directory.ts';

/** Who else may read a run: nobody, or the members of the folder's group. */
export type Share = 'nobody' | 'group';

/** The modes of folders; files have the same without leave to pass through. */
const modes: Readonly<Record<Share, number>> = { nobody: 0o700, group: 0o750 };
const permissions = 0o777;

/**
 * Makes ready a folder that this process will write a run in: checks whose it is, takes the rights to it from everybody who is not to have
 * them, so that what was found stays true, and has this process and those it starts write files that others cannot read.
 * @param share who else may read it. Where nothing is said, a folder that is open to its group alone stays so, and one that all could
 * read is closed.
 * @throws {ConfigError} as {@link requireOwnRun}; nothing has been changed then.
 */
export function openRunToWrite(root: string, share: Share = shareOf(root)): void {
  requireOwnRun(root);
  setMode(root, modes[share]);
  process.umask(umaskOf(share));
}

/** Lets the group pass through a folder of runs, to those that it may read. */
export function letGroupThrough(folder: string): void {
  const { mode, uid } = statSync(folder);
  if (uid === process.geteuid?.()) setMode(folder, (mode & permissions) | 0o010);
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
  const status = statSync(root, { throwIfNoEntry: false });
  if (!status) return;
  requireOwner(root, status, root);
  for (const path of [checkpoints, model]) requireOwn(path, 'folder');
  for (const path of [record, metrics, chart, samples]) requireOwn(path, 'file');
  for (const name of readdirSync(root)) if (/^lock\b/.test(name)) requireOwn(join(root, name), 'lock');
}

/** Keeps the bits that hand a folder's group on. */
function setMode(folder: string, mode: number): void {
  const now = statSync(folder).mode & 0o7777;
  const next = (now & ~permissions) | mode;
  if (next === now) return;
  try {
    chmodSync(folder, next);
  } catch {
    // A disk that keeps no modes (FAT, some network disks), or root's folder: there the system's rights are whatever they are.
  }
}
