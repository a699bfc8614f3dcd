// What a user sees of an error, and what a script sees of it: the exit code.
import { CommanderError } from 'commander';
import pc from 'picocolors';
import { printable } from './printable.ts';
import { say } from './say.ts';
import { explain, isSystemError, isWrongPlace } from './system-error.ts';

/** Input that cannot work, as opposed to work that failed. */
const badInput = new Set(['CONFIG', 'CHECKPOINT']);

/** 2 for bad input, 1 for anything else that failed. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (isSystemError(error)) return isWrongPlace(error) ? 2 : 1;
  return badInput.has((error as { code?: string } | null)?.code ?? '') ? 2 : 1;
}

/** Writes an error to stderr, its stack only where LOCKSTEP_DEBUG is set, and returns the exit code. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) return exitCodeOf(error); // commander has said it
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const said = isSystemError(error) ? explain(error) : message;
  const [first = '', ...more] = printable(process.env['LOCKSTEP_DEBUG'] ? (stack ?? said) : said).split('\n');
  // What is no hint cannot pass for a line of its own.
  const rest = more.map((line) => (line.startsWith('hint: ') ? line : `  ${line}`));
  say(process.stderr, [`${pc.red('error')} ${first}`, ...rest].join('\n'));
  return exitCodeOf(error);
}

/** Work under way that the system has stopped, such as a training whose disk is full. It is not the user's input any more. */
export class InterruptedWorkError extends Error {
  readonly code = 'STORAGE';
  override readonly name = 'InterruptedWorkError';

  constructor(cause: unknown) {
    const { message } = cause instanceof Error ? cause : new Error(String(cause));
    super(isSystemError(cause) ? explain(cause) : message, { cause });
  }
}
