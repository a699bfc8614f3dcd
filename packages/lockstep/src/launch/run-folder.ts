// The folder of a run while this process trains it: claimed, locked, cleared of what killed processes left, and given back.
import { rmdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from '@lockstep/trainer';
import {
  claimExactly,
  claimRunDirectory,
  clearUnfinished,
  letGroupThrough,
  listCheckpoints,
  lockRun,
  openRunToWrite,
  runPaths,
} from '@lockstep/trainer/node';
import { type LaunchPlan, runsFolder } from './plan-launch.ts';

/** Which folder is to be taken. */
export type FolderPlan = Pick<LaunchPlan, 'out' | 'resumed' | 'share'> & { readonly run: { readonly name: string } };

export class RunFolder {
  readonly root: string;
  #unlock = (): void => {};
  readonly #onExit = (): void => this.#removeEmpty();

  /** @throws {ConfigError} where the folder holds something else or is not this user's own, or another process trains the run. */
  static async take(plan: FolderPlan): Promise<RunFolder> {
    const { run, out, resumed, share } = plan;
    const claimed = out === undefined ? () => claimRunDirectory(runsFolder, run.name) : () => claimExactly(out);
    const folder = new RunFolder(resumed?.root ?? (await claimed()));
    if (share === 'group' && isInRuns(folder.root)) letGroupThrough(runsFolder);
    openRunToWrite(folder.root, share); // what is another's is left alone, empty folders, too
    try {
      await folder.#lock(plan);
      return folder;
    } catch (error) {
      folder.release();
      throw error;
    }
  }

  private constructor(root: string) {
    this.root = root;
  }

  async #lock({ resumed }: Pick<LaunchPlan, 'resumed'>): Promise<void> {
    this.#unlock = lockRun(this.root);
    process.once('exit', this.#onExit); // comes after the lock's own
    this.clear();
    const latest = (await listCheckpoints(runPaths(this.root).checkpoints)).at(-1);
    if (resumed && latest?.step !== resumed.checkpoint?.step)
      throw new ConfigError(`--resume: expected a run that nobody trains, got ${this.root}, which has just gone on`);
  }

  /** Clears what was being written when its writer was killed. */
  clear(): void {
    for (const path of [this.root, runPaths(this.root).checkpoints]) clearUnfinished(path);
  }

  /** Unlocks the folder, and removes it where nothing has been written. */
  release(): void {
    this.#unlock();
    process.off('exit', this.#onExit);
    this.#removeEmpty();
  }

  #removeEmpty(): void {
    for (const path of [runPaths(this.root).checkpoints, this.root]) {
      try {
        rmdirSync(path);
      } catch {
        // It holds something, or was never made.
      }
    }
  }
}

/** A folder that somebody chose may lie in one that is not for runs alone. */
function isInRuns(root: string): boolean {
  return dirname(resolve(root)) === resolve(runsFolder);
}
