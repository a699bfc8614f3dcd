import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { loadRun } from './load-run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lockstep-load-run-'));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const noRun = 'expected a run as its default export, got';
const noModule = 'expected a module that loads, got';

it.each<[string, string, string]>([
  ['throws null', 'throw null;', `${noModule} a thrown null`],
  ['throws undefined', 'throw undefined;', `${noModule} a thrown undefined`],
  ['throws a text', "throw 'no';", `${noModule} a thrown 'no'`],
  ['throws an object', 'throw { a: 1, code: "CONFIG" };', `${noModule} a thrown { a: 1, code: 'CONFIG' }`],
  ['throws an error', '\nnull.x;', `${noModule} TypeError: Cannot read properties of null (reading 'x')`],
  ['exports nothing', '', `${noRun} none\nhint: export default defineRun({ … })`],
  ['exports null', 'export default null;', `${noRun} null\nhint: `],
  ['exports a text', "export default 'run';", `${noRun} "run"\nhint: `],
  ['exports a function', 'export default () => ({});', `${noRun} a function\nhint: `],
  ['exports a class', 'export default class {}', `${noRun} a function\nhint: `],
  ['exports a promise', 'export default Promise.resolve({});', `${noRun} a promise\nhint: export default await …`],
  ['exports a promise of nothing', 'export default new Promise(() => {});', `${noRun} a promise\nhint: `],
  [
    'exports a rejected promise',
    "export default Promise.reject(new Error('boom'));",
    `${noRun} a promise that was rejected with Error: boom`,
  ],
  ['exports another object', 'export default { epochs: 3 };', 'epochs: expected '],
])('says in one line what is wrong with a run file that %s', async (title, source, message) => {
  const file = join(folder, `${title.replaceAll(' ', '-')}.mjs`);
  await writeFile(file, source);
  const error = await loadRun(file).catch((thrown: unknown) => thrown as Error);
  expect(error).toMatchObject({ code: 'CONFIG', message: expect.stringContaining(`${file}: ${message}`) });
});

it('takes no data for code', async () => {
  const file = join(folder, 'run.json');
  await writeFile(file, '{}');
  await expect(loadRun(file)).rejects.toThrow(/^train: expected a run file, got .*run\.json\nhint: a run file is code/);
});

it('says once that it waits for a file that does not finish, and takes what comes then', async () => {
  const file = join(folder, 'slow.mjs');
  let finish!: (value: null) => void;
  const begun = new Promise<void>((begin) =>
    Object.assign(globalThis, { slowRun: { begin, end: new Promise((resolve) => (finish = resolve)) } }),
  );
  await writeFile(file, 'slowRun.begin(); export default await slowRun.end;');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const refusal = loadRun(file).catch((error: unknown) => error as Error);
  await begun;
  vi.advanceTimersByTime(9_000);
  expect(write).not.toHaveBeenCalled();
  vi.advanceTimersByTime(60_000);
  expect(write.mock.calls).toEqual([[`note: waiting for ${file}, whose top level has not finished\n`]]);
  finish(null);
  expect(await refusal).toMatchObject({ message: expect.stringContaining(`${noRun} null`) });
  expect(vi.getTimerCount()).toBe(0);
});
