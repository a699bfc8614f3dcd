import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { command, CommandError, foreground } from './command.mjs';

const node = process.execPath;

describe('command', () => {
  test('gives what the program wrote to stdout', async () => {
    const program = 'console.error("aside"); console.log(process.env.GIVEN)';
    expect(await command(node, ['-e', program], { env: { GIVEN: 'yes' } })).toBe('yes\n');
  });

  test('fails with the command and its last lines', async () => {
    const program = 'for (let i = 0; i < 100; i++) console.log("line " + i); process.exitCode = 3';
    const error = await command(node, ['-e', program]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CommandError);
    const { message, details } = error as CommandError;
    expect(message).toBe('exit code 3');
    expect(details[0]).toContain(program);
    expect(details.slice(1)).toEqual(Array.from({ length: 20 }, (_, i) => `| line ${80 + i}`));
  });

  test('fails for a program that is not there', async () => {
    await expect(command('lockstep-no-such-program', [])).rejects.toThrow('ENOENT');
  });

  test('kills a program that takes too long', async () => {
    await expect(command(node, ['-e', 'setInterval(() => {}, 1000)'], { timeout: 100 })).rejects.toThrow('SIGKILL');
  });
});

describe('foreground', () => {
  test('gives the exit code, and every line of stderr', async () => {
    const lines: string[] = [];
    const program = 'process.stderr.write("one\\ntw"); process.stderr.write("o"); process.exitCode = 4';
    const code = await foreground(node, ['-e', program], { onErrorLine: (line) => void lines.push(line) });
    expect([code, lines]).toEqual([4, ['one', 'two']]);
  });

  test('hands a signal on and waits for what the program makes of it', async () => {
    const inner = 'process.on("SIGINT", () => process.exit(5)); setTimeout(() => {}, 30_000); console.log("up")';
    const module = new URL('command.mjs', import.meta.url).href;
    const outer = `import { foreground } from '${module}';
      process.exitCode = await foreground(process.execPath, ['-e', ${JSON.stringify(inner)}]);`;
    const child = spawn(node, ['--input-type=module', '-e', outer], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([5, null]);
  });
});
