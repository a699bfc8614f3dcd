// What the driver writes to stderr and nobody can act on. It is written by native code, so only another process can filter it.
import { fileURLToPath } from 'node:url';
import { say } from '../console/say.ts';
import { setUpScript } from '../job/set-up-script.ts';
import { ownFile } from '../own-file.ts';

/** What Dawn says about every CPU adapter. */
export function isChatter(line: string): boolean {
  return /^Warning: max\w+ artificially reduced from /.test(line);
}

interface Command {
  foreground: (
    program: string,
    args: readonly string[],
    options: { cwd: string; env: Record<string, string>; onErrorLine: (line: string) => void },
  ) => Promise<number>;
}

/**
 * Runs this very command in a process of its own, without the chatter on stderr, and takes over its exit code. In that
 * process it does nothing. Resolves with whether the command has been run.
 */
export async function rerunWithoutChatter(): Promise<boolean> {
  if (process.env['LOCKSTEP_INNER']) return false;
  const { foreground } = await setUpScript<Command>('command.mjs');
  const command = fileURLToPath(ownFile('bin/lockstep.js'));
  process.exitCode = await foreground(process.execPath, [command, ...process.argv.slice(2)], {
    cwd: process.cwd(),
    env: { LOCKSTEP_INNER: '1' },
    onErrorLine: (line) => void (isChatter(line) || say(process.stderr, line)),
  });
  return true;
}
