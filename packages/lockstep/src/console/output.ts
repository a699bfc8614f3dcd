// What becomes of a command when what it writes cannot be written: one whose text is its result ends, one that works goes on.
import { reportError } from './report-error.ts';

/** The stream's own, whatever a command puts in its place for the time in which code of others may print. */
const write = process.stdout.write.bind(process.stdout);
let goesOn = false;

/** The work matters, not who reads of it: from now on output that is lost is no reason to end. */
export function goOnUnread(): void {
  goesOn = true;
}

/** Ends this process when its output is lost: quietly where the reader has gone, as after `… | head`. */
export function endUnread(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!goesOn) process.exit(error.code === 'EPIPE' ? 0 : reportError(lost(error)));
  });
}

/** Writes what a script waits for. Rejects when it cannot be written. */
export function writeResult(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    write(text, (error) => (error ? reject(lost(error)) : resolve()));
  });
}

/**
 * Ends the process once all it has written has gone out. Where a process ends by itself, Node gives signals their own meaning
 * back some time before it is gone, and one more request to stop would make a failure of what has ended well.
 */
export async function endWith(code: number): Promise<never> {
  await new Promise<void>((resolve) => void write('', () => resolve()));
  await new Promise<void>((resolve) => void process.stderr.write('', () => resolve()));
  process.exit(code);
}

const lost = ({ code, message }: NodeJS.ErrnoException): Error =>
  new Error(`stdout: expected to write the result, got ${code ?? message}`);
