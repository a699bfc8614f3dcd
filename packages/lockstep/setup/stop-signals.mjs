// Catches the signals that ask a process to end, from its first moment on. Without a handler they would end it with its work
// unsaved, and Node would answer SIGUSR1 by opening its debugger. Import this before anything else.
// @ts-check

import inspector from 'node:inspector';
import { constants } from 'node:os';

/** @typedef {'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2'} StopSignal */

/** What terminals, init systems, containers and batch systems send. */
export const stopSignals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']);

/** npm and npx send on the Ctrl-C that the terminal has sent to all; no finger is that fast, in milliseconds. */
const echoMs = 200;

/** The exit code that shells give to a process that was ended by a signal. @param {NodeJS.Signals} signal */
export const signalCode = (signal) => 128 + constants.signals[signal];

/** Who has nothing to save ends at once. @param {StopSignal} signal */
const end = (signal) => process.exit(signalCode(signal));

/** @type {(signal: StopSignal) => void} */
let listener = end;
let interruptedAt = -Infinity;

for (const signal of stopSignals) process.on(signal, () => hear(signal));
closeUninvited();

/**
 * Sets who is told of each signal, until the returned function is called; without a listener the process ends at once, with 128
 * and the signal's number.
 * @param {(signal: StopSignal) => void} next
 */
export function onStopSignal(next) {
  const before = listener;
  listener = next;
  return () => void (listener = before);
}

/** @param {StopSignal} signal */
function hear(signal) {
  const now = performance.now();
  const isEcho = signal === 'SIGINT' && now - interruptedAt < echoMs;
  if (signal === 'SIGINT') interruptedAt = now;
  if (!isEcho) listener(signal);
}

/** A debugger that nobody has asked for is the answer to a SIGUSR1 that came while Node itself was starting. */
function closeUninvited() {
  const asked = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) => option.includes('--inspect'));
  if (asked || inspector.url() === undefined) return;
  inspector.close();
  setImmediate(hear, 'SIGUSR1');
}
