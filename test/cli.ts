// The built `lockstep` command as a process of its own, as users start it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const bin = fileURLToPath(new URL('../packages/lockstep/bin/lockstep.js', import.meta.url));

export const tinyRun: string = fileURLToPath(new URL('fixtures/tiny-run.ts', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves with the first line, of either stream, that matches. Rejects when the process ends without one. */
  line(pattern: RegExp): Promise<string>;
}

/** Starts `lockstep` with arguments. */
export function start(
  args: readonly string[],
  { cwd = folder(), env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Started {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => {
      text[name] += part;
      for (const watcher of watchers) watcher();
    });
  }
  const finished = new Promise<Finished>((resolve) => child.on('close', (code) => resolve({ code, ...text })));
  const line = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = `${text.stdout}\n${text.stderr}`.split('\n').find((candidate) => pattern.test(candidate));
        if (found !== undefined) resolve(found);
      };
      watchers.add(look);
      look();
      void finished.then(() =>
        reject(new Error(`ended without a line that matches ${pattern}:\n${text.stdout}\n${text.stderr}`)),
      );
    });
  return { process: child, finished, line };
}

/** Runs `lockstep` to its end. */
export async function run(args: readonly string[], options?: Parameters<typeof start>[1]): Promise<Finished> {
  return start(args, options).finished;
}

/** A folder that goes when the test ends. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lockstep-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Has scripts in a folder find the packages. */
export function linkPackages(cwd: string): void {
  symlinkSync(fileURLToPath(new URL('node_modules', import.meta.url)), join(cwd, 'node_modules'));
}

/** A folder with a script, `script.mjs`, that finds the packages. */
export function scriptFolder(script: string): string {
  const cwd = folder();
  linkPackages(cwd);
  writeFileSync(join(cwd, 'script.mjs'), script);
  return cwd;
}

/** What `train --json` prints. */
export interface TrainJson {
  readonly steps: number;
  readonly loss: number;
  readonly validationLoss: number;
  readonly tokensPerSecond: number;
  readonly workers: number;
  readonly adapter: string;
  readonly weightsSha256: string;
}

/** Trains a run, and gives what it printed. */
export async function trainRun(
  file: string,
  args: readonly string[],
  options?: Parameters<typeof start>[1],
): Promise<TrainJson> {
  const { code, stdout, stderr } = await run(['train', file, '--json', ...args], options);
  if (code !== 0) throw new Error(`lockstep train ${file} ended with ${code}:\n${stderr}`);
  return JSON.parse(stdout) as TrainJson;
}

/** The same of the tiny run. */
export const train = (args: readonly string[], options?: Parameters<typeof start>[1]): Promise<TrainJson> =>
  trainRun(tinyRun, args, options);
