// A run's folder as a place to write: it and all that is written in it belong to this user, no link leads out of it, and nobody else can
// change it while it is written. Links above the folder are the user's own (`runs -> /scratch/me`) and are followed.
import { chmodSync, statSync } from 'node:fs';
import { requireOwn, requireOwner } from './own-file.ts';
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
