// Whole jobs through the built command, with real processes and a real adapter: what is left behind, and who is left running.
import type { ChildProcess } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Finished, start, type Started } from '../../../../test/cli.ts';

const run = `import { adamW, constant, defineRun, gpt, text } from 'lockstep';
export default defineRun({
  name: 'tiny',
  model: gpt({ layers: 1, heads: 1, width: 16, context: 16 }),
  data: text('./text.txt'),
  optimizer: adamW(),
  schedule: constant({ peak: 0.01 }),
  batch: 8,
  steps: 100_000,
  validation: { every: 0 },
  sample: { every: 0 },
});
`;

let folder: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-launch-'));
  await writeFile(join(folder, 'run.mjs'), run);
  await writeFile(
    join(folder, 'text.txt'),
    'Call me Ishmael. Some years ago, never mind how long precisely.\n'.repeat(50),
  );
});

afterEach(async () => {
  for (const child of started.splice(0))
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function train(...args: string[]): Started {
  const env = { LOCKSTEP_CACHE: join(folder, 'cache'), NO_COLOR: '1' };
  const launcher = start(['train', 'run.mjs', ...args], { cwd: folder, env });
  started.push(launcher.process);
  return launcher;
}

/** The workers of a launcher, in the order of their start. Linux tells. */
function workersOf({ process: { pid } }: Started): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
}

/** The rights to all files and folders in a folder, each once. */
function rightsIn(path: string): { files: string[]; folders: string[] } {
  const found = { files: new Set<string>(), folders: new Set<string>() };
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    const status = lstatSync(join(path, name));
    found[status.isDirectory() ? 'folders' : 'files'].add((status.mode & 0o777).toString(8));
  }
  return { files: [...found.files], folders: [...found.folders] };
}

const isRunning = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
const resultOf = ({ stdout }: Finished): Record<string, unknown> => JSON.parse(stdout) as Record<string, unknown>;

it('trains, says one line of JSON, and leaves a whole folder', async () => {
  const finished = await train(
    '--steps',
    '6',
    '--set',
    'validation.every=3',
    '--set',
    'sample={"every":3,"prompt":"Call","tokens":5}',
    '--set',
    'checkpoint={"every":2,"keep":2}',
    '--trace',
    'trace.json',
    '--json',
  ).finished;
  expect(finished.code, finished.stderr).toBe(0);
  expect(finished.stdout.trimEnd().split('\n')).toHaveLength(1);
  const result = resultOf(finished);
  expect(Object.keys(result)).toEqual([
    'steps',
    'loss',
    'validationLoss',
    'metrics',
    'tokensPerSecond',
    'workers',
    'adapter',
    'weightsSha256',
    'asExpected',
  ]);
  expect(result).toMatchObject({ steps: 6, workers: 1, weightsSha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const root = join(folder, 'runs', 'tiny');
  expect(readdirSync(root).toSorted()).toEqual([
    'checkpoints',
    'loss.svg',
    'metrics.jsonl',
    'model',
    'run.json',
    'samples.txt',
  ]);
  expect(readdirSync(join(root, 'checkpoints')).toSorted()).toEqual(['step-000004', 'step-000006']);
  expect(readdirSync(join(root, 'model'))).toEqual(
    expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json']),
  );
  const lines = readFileSync(join(root, 'metrics.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { step: number; validationLoss?: number });
  expect(lines.filter((line) => line.validationLoss === undefined).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(lines.filter((line) => line.validationLoss !== undefined).map(({ step }) => step)).toEqual([3, 6]);
  expect(readFileSync(join(root, 'samples.txt'), 'utf8')).toMatch(/^─── after step 3 ───\nCall.{5}\n/s);
  for (const name of ['runs', 'cache']) {
    expect((statSync(join(folder, name)).mode & 0o777).toString(8)).toBe('700');
    expect(rightsIn(join(folder, name)).files).toEqual(['600']);
  }
  expect(rightsIn(join(folder, 'runs')).folders).toEqual(['700']);
  expect((statSync(join(folder, 'trace.json')).mode & 0o777).toString(8)).toBe('600');
});

it('stops on Ctrl-C with a checkpoint, and goes on from it with other workers to the same bits, runs being a link', async () => {
  mkdirSync(join(folder, 'scratch'), { mode: 0o700 });
  symlinkSync('scratch', join(folder, 'runs'));
  const first = train('--workers', '2');
  await first.line(/^step 1\//);
  first.process.kill('SIGINT');
  const { code, stdout } = await first.finished;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^resume +npx lockstep train run\.mjs --resume --out runs\/tiny/m);
  const step = Number(/stopped after step (\d+)/.exec(stdout)![1]);
  expect(readdirSync(join(folder, 'runs/tiny/checkpoints'))).toEqual([`step-${String(step).padStart(6, '0')}`]);

  const steps = String(step + 3);
  const resumed = await train('--resume', '--steps', steps, '--json').finished;
  const straight = await train('--steps', steps, '--workers', '3', '--share', 'group', '--json').finished;
  expect(rightsIn(join(folder, 'runs', 'tiny'))).toEqual({ files: ['600'], folders: ['700'] });
  expect(rightsIn(join(folder, 'runs', 'tiny-2'))).toEqual({ files: ['640'], folders: ['750'] });
  const rights = ['runs', 'runs/tiny', 'runs/tiny-2'].map((name) => statSync(join(folder, name)).mode & 0o777);
  expect(rights).toEqual([0o710, 0o700, 0o750]);
  expect(readdirSync(join(folder, 'runs')).toSorted()).toEqual(['tiny', 'tiny-2']);
  expect(resultOf(resumed)['weightsSha256']).toBe(resultOf(straight)['weightsSha256']);
});

it('ends with the error of a worker that crashes, and leaves nobody running', async () => {
  const launcher = train('--workers', '2');
  await launcher.line(/^step 1\//);
  const workers = workersOf(launcher);
  process.kill(workers[1]!, 'SIGSEGV');
  const { code, stderr } = await launcher.finished;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error train: worker-1 ended by signal SIGSEGV$/m);
  expect(workers.filter(isRunning)).toEqual([]);
});

// One worker has no peer to lose: it has to watch the hub itself.
it.each([1, 2])('takes its workers along when it is killed: %i', async (count) => {
  const launcher = train('--workers', String(count));
  await launcher.line(/^step 1\//);
  const workers = workersOf(launcher);
  expect(workers.filter(isRunning)).toHaveLength(count);
  launcher.process.kill('SIGKILL');
  await expect.poll(() => workers.filter(isRunning), { timeout: 10_000 }).toEqual([]);
});

it('says what it cannot write before it says that it stops', async () => {
  const launcher = train('--set', 'sample.every=20', '--set', 'sample.tokens=2');
  await launcher.line(/^folder /);
  mkdirSync(join(folder, 'runs/tiny/samples.txt'));
  const { code, stdout, stderr } = await launcher.finished;
  expect(stdout).toMatch(/samples\.txt: expected .*, got .*\nstopping after this step/);
  expect({ code, stderr }).toEqual({
    code: expect.any(Number),
    stderr: expect.stringMatching(/^error \S*samples\.txt: expected /),
  });
});

it('ends at once on a second Ctrl-C', async () => {
  const launcher = train();
  await launcher.line(/^step 1\//);
  const workers = workersOf(launcher);
  process.kill(workers[0]!, 'SIGSTOP'); // so that the step under way never ends
  const asked = launcher.line(/^stopping after this step/);
  launcher.process.kill('SIGINT');
  await asked;
  await wait(300); // an interrupt that comes sooner counts as the echo of the first: setup/stop-signals.mjs
  launcher.process.kill('SIGINT');
  expect((await launcher.finished).code).toBe(130);
  await expect.poll(() => workers.filter(isRunning)).toEqual([]);
});
