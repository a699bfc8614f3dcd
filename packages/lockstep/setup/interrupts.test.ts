import { expect, test } from 'vitest';
import { command } from './command.mjs';

test('one Ctrl-C is one interrupt, though npm repeats it', async () => {
  const module = new URL('interrupts.mjs', import.meta.url).href;
  const program = `
    const { dropEchoedInterrupts } = await import(${JSON.stringify(module)});
    let seen = 0;
    dropEchoedInterrupts({ within: 1e9 });
    process.on('SIGINT', () => seen++);
    process.on('SIGTERM', () => { console.log(seen); process.exit(); });
    process.kill(process.pid, 'SIGINT');
    process.kill(process.pid, 'SIGINT');
    setImmediate(() => process.kill(process.pid, 'SIGTERM'));
    setInterval(() => {}, 1000);`;
  expect(await command(process.execPath, ['--input-type=module', '-e', program])).toBe('1\n');
});
