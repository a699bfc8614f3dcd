// `lockstep generate` as users start it, held against the library: the same folder, prompt and seed give the same text.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytes, characters, createGenerator, createModel, type GenerateOptions, Parameters } from '@lockstep/nn';
import { fromPretrained, loadTokenizer, saveTokenizer } from '@lockstep/nn/node';
import { weightsSha256 } from '@lockstep/trainer';
import { expect, test } from 'vitest';
import { folder, run, start, train } from './cli.ts';
import { device } from './gpu.ts';
import { oddFile, oddFolder, paste, writeOddRun } from './pasted.ts';

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A copy of a fixture, with one character for every token of its vocabulary. */
async function modelFolder(name: 'gpt2-tiny' | 'llama-tiny', { tokenizer = 'characters' } = {}): Promise<string> {
  const path = join(folder(), name);
  cpSync(fileURLToPath(new URL(`fixtures/${name}`, import.meta.url)), path, { recursive: true });
  const alphabet = letters + (name === 'gpt2-tiny' ? '012345678' : '.');
  await saveTokenizer(path, tokenizer === 'bytes' ? bytes() : characters(alphabet));
  return path;
}

/** What the command should print. */
async function textOf(path: string, prompt: string, options: GenerateOptions): Promise<string> {
  const [{ model: value, weights }, tokenizer] = [await fromPretrained(path), await loadTokenizer(path)];
  const model = createModel(value);
  const parameters = new Parameters(device, model);
  parameters.load(weights);
  const generator = await createGenerator({ device, model });
  const ids = [...(await tokenizer.encode(prompt))];
  for await (const id of generator.generate([...ids], options)) ids.push(id);
  return `${await tokenizer.decode(ids)}\n`;
}

/** Lets the process say at its end how often it wrote to stdout. */
const countingWrites = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(`
    const write = process.stdout.write.bind(process.stdout);
    let writes = 0;
    process.stdout.write = (...args) => (writes += args[0].length > 0, write(...args));
    process.on('exit', () => writes > 0 && process.stderr.write(writes + ' writes\\n'));
  `)}`,
};

test.each<['gpt2-tiny' | 'llama-tiny', string[], GenerateOptions]>([
  ['gpt2-tiny', ['--tokens', '40', '--temperature', '0'], { tokens: 40, temperature: 0 }],
  [
    'gpt2-tiny',
    ['-n', '25', '-t', '1.5', '-k', '9', '--seed', '4'],
    { tokens: 25, temperature: 1.5, topK: 9, seed: 4 },
  ],
  ['llama-tiny', [], { tokens: 200, temperature: 0.8, seed: 0 }],
])('%s %j writes the text of the library, as it is computed', async (name, args, options) => {
  const path = await modelFolder(name);
  const { finished } = start(['generate', path, '--prompt', 'Ahoy', ...args], { env: countingWrites });
  const { code, stdout, stderr } = await finished;
  expect(code).toBe(0);
  expect(stdout).toBe(await textOf(path, 'Ahoy', options));
  // A pipe may bring several writes as one piece, so they are counted where they are made.
  expect(Number(/^(\d+) writes\n$/.exec(stderr)?.[1])).toBeGreaterThan(options.tokens! / 2);
});

test('a trained run holds its weights bit for bit, and speaks from its folder', async () => {
  const out = join(folder(), 'run');
  const { weightsSha256: trained } = await train(['--steps', '2', '--out', out]);
  expect(await weightsSha256((await fromPretrained(join(out, 'model'))).weights)).toBe(trained);
  const { stdout } = await run(['generate', out, '-n', '20']);
  expect(stdout).toBe(await textOf(join(out, 'model'), '\n', { tokens: 20, temperature: 0.8, seed: 0 }));
});

test('the command to try a model works when pasted, also with names that a shell would take apart, and a text of one line', async () => {
  const cwd = folder();
  writeOddRun(cwd, { steps: 1 });
  const { code, stdout, stderr } = await run(['train', oddFile, '--out', oddFolder, '--workers', '1'], { cwd });
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(paste('try', stdout, cwd)).toMatchObject({ code: 0, output: expect.stringMatching(/^C/) });
  expect(await run(['generate', oddFolder, '-n', '1'], { cwd })).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^C/),
  });
});

test('bad input gets one line and exit code 2', async () => {
  const [path, withBytes] = [await modelFolder('gpt2-tiny'), await modelFolder('gpt2-tiny', { tokenizer: 'bytes' })];
  const cases: [string[], RegExp][] = [
    [[path, '-p', ''], /^error generate: expected a prompt of at least one token, got none\n$/],
    [[path, '-p', 'é'], /^error characters: expected the 61 characters .*, got "é" .*\nhint: .*\n$/],
    [[path, '-t', '-1'], /^error option .* argument '-1' is invalid\. Expected a number, 0 or more\.\n$/],
    [[path, '-k', '0'], /^error option .* Expected a whole number from 1 to 2147483647\.\n$/],
    [[path, '-n', 'many'], /^error option .* Expected a whole number from 1 to 2147483647\.\n$/],
    [[path, '--seed', '0.5'], /^error option .* Expected a whole number from 0 to 4294967295\.\n$/],
    [[withBytes, '-p', 'Ahoy'], /^error .*61.*\n$/],
  ];
  const outcomes = await Promise.all(cases.map(([args]) => run(['generate', ...args])));
  for (const [i, { code, stderr }] of outcomes.entries()) {
    expect(stderr).toMatch(cases[i]![1]);
    expect(code, stderr).toBe(2);
  }
});
