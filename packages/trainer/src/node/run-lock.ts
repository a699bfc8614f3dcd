// One launcher at a time per run folder. The lock is a file that names its holder; one whose holder is gone does not count.
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { atPath } from '@lockstep/nn/node';
import { ConfigError } from '@lockstep/errors';
import { isAlive, lockFile, type LockHolder, parseHolder, thisProcess } from './lock-holder.ts';

/**
 * Takes a run's folder for this process, until it ends or the returned function is called.
 * @throws {ConfigError} while another process has it.
 */
export function lockRun(root: string): () => void {
  const path = join(root, 'lock');
  const own = new Token(path);
  try {
    const other = take(path, own);
    if (other) throw refusal(root, path, other);
    own.clear();
    clearStrays(root);
  } catch (error) {
    own.drop();
    throw atPath(path, error);
  }
  const release = (): void => {
    process.off('exit', release);
    own.removeFrom(path);
    own.drop();
  };
  process.on('exit', release);
  return release;
}

/**
 * Looks whether somebody trains the run in a folder, whose checkpoints then come and go.
 * @throws {ConfigError} while another process has it.
 */
export function requireUnlocked(root: string): void {
  const path = join(root, 'lock');
  const holder = parseHolder(read(path) ?? '');
  if (holder && isAlive(holder, path)) throw refusal(root, path, holder);
}

function refusal(root: string, path: string, { pid, host, since }: LockHolder): ConfigError {
  return new ConfigError(
    `--resume: expected a run that nobody trains, got ${root}, which process ${pid} trains on ${host} since ${since}\nhint: if it does not, remove ${path}`,
  );
}

/**
 * Puts the token at `path`, in place of one whose holder is gone. Of several who see the same one gone, the one replaces it who
 * takes a lock that is named for it; all others then find it replaced.
 * @returns nothing, or who has it
 */
function take(path: string, own: Token): LockHolder | undefined {
  for (;;) {
    if (own.putAt(path)) return undefined;
    const text = read(path);
    if (text === undefined) continue;
    const holder = parseHolder(text);
    if (holder ? isAlive(holder, path) : isInTheMaking(path)) {
      if (holder) return holder;
      continue;
    }
    const guard = `${path}.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
    const rival = take(guard, own);
    if (rival) return rival;
    if (read(path) === text) {
      renameSync(guard, path);
      return undefined;
    }
    rmSync(guard, { force: true });
  }
}

/** What one process puts at the path of a lock: complete from the first moment, and locked by the kernel where it can be. */
class Token {
  readonly #beside: string;
  readonly #file: number;
  readonly #text: string;
  readonly #kernel: boolean;

  constructor(path: string) {
    this.#beside = `${path}.${randomUUID()}.new`;
    this.#file = openBeside(this.#beside, path);
    this.#kernel = lockFile(this.#file) === true;
    this.#text = JSON.stringify(thisProcess({ kernel: this.#kernel }));
    writeSync(this.#file, this.#text);
  }

  /** Whether there was none at `path`. */
  putAt(path: string): boolean {
    try {
      linkSync(this.#beside, path);
      return true;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return false;
      if (withoutLinks.has(code)) return this.#writeAt(path);
      throw error;
    }
  }

  #writeAt(path: string): boolean {
    try {
      writeFileSync(path, JSON.stringify({ ...parseHolder(this.#text)!, kernel: false }), { flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** Not where somebody has removed it and another has taken its place. */
  removeFrom(path: string): void {
    if (parseHolder(read(path) ?? '')?.id === parseHolder(this.#text)!.id) rmSync(path, { force: true });
  }

  /** Leaves only what has been put. */
  clear(): void {
    rmSync(this.#beside, { force: true });
  }

  /** Gives the kernel's lock back, too. */
  drop(): void {
    this.clear();
    closeSync(this.#file);
  }
}

function openBeside(beside: string, path: string): number {
  try {
    return openSync(beside, 'wx');
  } catch (error) {
    throw atPath(path, error);
  }
}

/** What disks say on which a file has one name only. */
const withoutLinks = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'UNKNOWN']);
const makingMs = 1_000;
/** Bytes, many times what a holder is told in. */
const longestLock = 2 ** 16;

/** Whether a lock that says nothing may be about to: only where there are no links is one not written before it is seen. */
function isInTheMaking(path: string): boolean {
  const age = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0);
  const isYoung = age >= 0 && age < makingMs;
  if (isYoung) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, makingMs / 10);
  return isYoung;
}

/** Removes what processes left beside the lock that were killed while they took it. */
function clearStrays(root: string): void {
  for (const name of readdirSync(root)) {
    const path = join(root, name);
    const holder = /^lock\..+\.new$/.test(name) ? parseHolder(read(path) ?? '') : undefined;
    if (holder ? !isAlive(holder, path) : /^lock(\.[0-9a-f]{16})+$/.test(name)) rmSync(path, { force: true });
  }
}

/** What a lock says, as far as one may: whoever made the folder may have made it of anything. */
function read(path: string): string | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)); // to open a pipe waits for who writes into it
    if (!fstatSync(file).isFile())
      throw new ConfigError(`${path}: expected a file, got something else\nhint: move it away`);
    const bytes = Buffer.alloc(longestLock);
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, longestLock, 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
