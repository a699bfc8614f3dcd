// Programs of the system that a pack needs.
import { execFile, type ExecFileOptions } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program to its end. @throws {Error} with the last line of what it said where it fails, or is not there */
export async function runTool(program: string, args: readonly string[], options: ExecFileOptions = {}): Promise<void> {
  try {
    await execute(program, args, options);
  } catch (error) {
    const words = String((error as { stderr?: string }).stderr || (error as Error).message).trim();
    throw new Error(words.split('\n').at(-1), { cause: error });
  }
}
