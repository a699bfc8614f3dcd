// Where a run writes, and how a place is found: a new run never takes one that holds something, a resumed one goes on in
// its own. What the files are named is said here once.
import { mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolders } from '@lockstep/nn/node';
import { ConfigError } from '@lockstep/errors';

/** The places inside a run's folder. */
export interface RunPaths {
  readonly root: string;
  /** The run as it was resolved, and each time it was launched. */
  readonly record: string;
  /** One JSON object per line: what each step gave, and each validation. */
  readonly metrics: string;
  readonly chart: string;
  readonly samples: string;
  readonly checkpoints: string;
  /** The trained model in Hugging Face's layout. */
  readonly model: string;
}

export function runPaths(root: string): RunPaths {
  const at = (name: string): string => join(root, name);
  return {
    root,
    record: at('run.json'),
    metrics: at('metrics.jsonl'),
    chart: at('loss.svg'),
    samples: at('samples.txt'),
    checkpoints: at('checkpoints'),
    model: at('model'),
  };
}

/** Makes the folder of a new run: `parent`/`name`, or with -2, -3 … behind it where that is taken. */
export async function claimRunDirectory(parent: string, name: string): Promise<string> {
  await makeFolders(parent);
  for (let number = 1; ; number++) {
    const path = join(parent, number === 1 ? name : `${name}-${number}`);
    if (await makeFolder(path)) return path;
  }
}

/**
 * Takes the folder that somebody asked for by its path.
 * @throws {ConfigError} where it holds something already.
 */
export async function claimExactly(path: string): Promise<string> {
  await makeFolders(dirname(path));
  if (await makeFolder(path)) return path;
  const found = await readdir(path).catch(() => ['a file']);
  if (found.length === 0) return path;
  throw new ConfigError(
    `--out: expected a new or empty folder, got ${path}, which holds ${found[0]}\nhint: --resume goes on with the run in it`,
  );
}

/** The latest folder that `claimRunDirectory` made for `name`, if any. */
export async function latestRunDirectory(parent: string, name: string): Promise<string | undefined> {
  const numbers = (await readdir(parent).catch(() => [])).map((entry) => numberOf(entry, name));
  const latest = Math.max(...numbers);
  return latest >= 1 ? join(parent, latest === 1 ? name : `${name}-${latest}`) : undefined;
}

/** 1 for the name itself, n for name-n, and 0 for anything else. */
function numberOf(entry: string, name: string): number {
  if (entry === name) return 1;
  const rest = entry.startsWith(`${name}-`) ? entry.slice(name.length + 1) : '';
  return /^([2-9]|[1-9]\d{1,8})$/.test(rest) ? Number(rest) : 0;
}

/** Whether the folder is new. The system decides between two who ask at once. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 }); // `openRunToWrite` opens it to those who may read it
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
