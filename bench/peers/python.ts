/** The Python in which peers run. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Debian's own, since its packages serve no other Python. */
export const python = '/usr/bin/python3';

/** Whether Python would find these modules, without the second that loading them takes. */
export function hasModules(...names: string[]): Promise<boolean> {
  const find = 'import sys, importlib.util as u; sys.exit(not all(map(u.find_spec, sys.argv[1:])))';
  return runs(python, '-c', find, ...names);
}

/** Whether a command ends well. */
export async function runs(command: string, ...args: string[]): Promise<boolean> {
  return promisify(execFile)(command, args).then(
    () => true,
    () => false,
  );
}
