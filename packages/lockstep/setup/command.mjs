// Runs other programs: quietly, with their output kept for the day they fail, or in the foreground with the terminal.
// @ts-check

import { spawn } from 'node:child_process';
import { root } from './root.mjs';
import { onStopSignal, signalCode } from './stop-signals.mjs';

/** A program that could not be started or did not exit with 0; `details` says which one and shows its last lines. */
export class CommandError extends Error {
  /** @param {string} line @param {string} reason @param {string} output */
  constructor(line, reason, output) {
    super(reason);
    this.name = 'CommandError';
    const tail = output.trimEnd().split('\n').slice(-20);
    this.details = [`$ ${line}  (${reason})`, ...tail.filter((text) => text.trim() !== '').map((text) => `| ${text}`)];
  }
}

/**
 * Runs a program to its end and returns what it wrote to stdout.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, timeout?: number, finishes?: boolean }} [options]
 *   `env` is added to this process's own; after `timeout` milliseconds the program is killed. If this process ends before
 *   it, it is asked to end too, unless it `finishes` what it has begun.
 * @returns {Promise<string>}
 * @throws {CommandError}
 */
export function command(program, args, { cwd = root, env = {}, timeout = 0, finishes = false } = {}) {
  const line = [program, ...args].join(' ');
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout,
      killSignal: 'SIGKILL',
    });
    const takeAlong = () => child.kill();
    if (!finishes) process.once('exit', takeAlong);
    let stdout = '';
    let everything = '';
    child.stdout.on('data', (chunk) => ((stdout += chunk), (everything += chunk)));
    child.stderr.on('data', (chunk) => (everything += chunk));
    child.once('error', (error) => reject(new CommandError(line, error.message, everything)));
    child.once('close', (code, signal) => {
      process.off('exit', takeAlong);
      if (code === 0) resolve(stdout);
      else reject(new CommandError(line, signal ?? `exit code ${code}`, everything));
    });
  });
}

/**
 * Runs a program in the foreground, hands signals on to it, and resolves with its exit code.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: Record<string, string>, onErrorLine?: (line: string) => void }} [options]
 *   `onErrorLine` takes over the program's stderr, line by line.
 * @returns {Promise<number>}
 */
export async function foreground(program, args, { cwd = root, env = {}, onErrorLine } = {}) {
  const stderr = onErrorLine ? 'pipe' : 'inherit';
  const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['inherit', 'inherit', stderr] });
  if (child.stderr && onErrorLine) readLines(child.stderr, onErrorLine);
  const done = onStopSignal((signal) => child.kill(signal));
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve(code ?? signalCode(signal ?? 'SIGKILL')));
    });
  } finally {
    done();
  }
}

/** @param {import('node:stream').Readable} stream @param {(line: string) => void} onLine */
function readLines(stream, onLine) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  stream.on('end', () => rest !== '' && onLine(rest));
}
