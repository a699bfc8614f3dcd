// One line per step of set-up: a mark, the step's name, what came of it, how long it took. Details only on failure.
// @ts-check

import { CommandError } from './command.mjs';

const terminal = process.stderr.isTTY === true && process.env['NO_COLOR'] === undefined;
const paint = (/** @type {number} */ code, /** @type {string} */ text) =>
  terminal ? `\u001b[${code}m${text}\u001b[0m` : text;

/** Names of the steps under way. @type {Set<string>} */
const running = new Set();

/** A step that could not be done though nothing failed; set-up goes on, and the line is marked. */
export class Notice {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/**
 * Does a piece of work and prints its line. The work returns the line's text, a `Notice`, or nothing for no line.
 * @param {string} name
 * @param {() => Promise<string | Notice | undefined>} work
 * @returns {Promise<void>}
 */
export async function step(name, work) {
  const start = performance.now();
  running.add(name);
  showRunning();
  try {
    const result = await work();
    running.delete(name);
    if (result instanceof Notice) print(paint(33, '!'), name, result.text, start);
    else if (result !== undefined) print(paint(32, '✓'), name, result, start);
    showRunning();
  } catch (error) {
    running.delete(name);
    if (error instanceof CommandError) {
      print(paint(31, '✗'), name, 'failed', start);
      process.stderr.write(error.details.map((line) => `    ${line}\n`).join(''));
    } else {
      const [first, ...more] = String(error instanceof Error ? error.message : error).split('\n');
      print(paint(31, '✗'), name, first ?? 'failed', start);
      process.stderr.write(more.map((line) => `    ${line}\n`).join(''));
    }
    throw error;
  }
}

/** @param {string} mark @param {string} name @param {string} text @param {number} start in milliseconds */
function print(mark, name, text, start) {
  const seconds = `${((performance.now() - start) / 1000).toFixed(1)} s`;
  const erase = terminal ? '\r\u001b[K' : '';
  process.stderr.write(`${erase}${mark} ${name.padEnd(9)} ${text}  ${paint(2, seconds)}\n`);
}

function showRunning() {
  if (!terminal) return;
  const names = [...running].join(', ');
  process.stderr.write(names === '' ? '\r\u001b[K' : `\r\u001b[K${paint(2, `… ${names}`)}`);
}
