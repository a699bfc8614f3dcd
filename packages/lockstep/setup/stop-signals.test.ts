import { expect, test } from 'vitest';
import { command } from './command.mjs';

const module = new URL('stop-signals.mjs', import.meta.url).href;

test('one Ctrl-C is one interrupt, though npm repeats it, and every other signal counts', async () => {
  const program = `
    import { onStopSignal, stopSignals } from ${JSON.stringify(module)};
    const seen = [];
    onStopSignal((signal) => seen.push(signal) === 6 && (console.log(seen.join()), process.exit()));
    for (const signal of ['SIGINT', ...stopSignals, 'SIGTERM']) process.kill(process.pid, signal), await new Promise(setImmediate);
    setInterval(() => {}, 1000);`;
  const output = await command(process.execPath, ['--input-type=module', '-e', program]);
  expect(output).toBe('SIGINT,SIGTERM,SIGHUP,SIGUSR1,SIGUSR2,SIGTERM\n');
});

test('who has nothing to save ends with 128 and the number of the signal, and opens no debugger', async () => {
  const program = `import ${JSON.stringify(module)}; process.kill(process.pid, 'SIGUSR1'); setInterval(() => {}, 1000);`;
  const ended = command(process.execPath, ['--input-type=module', '-e', program]);
  await expect(ended).rejects.toMatchObject({ message: 'exit code 138', details: [expect.any(String)] });
});
