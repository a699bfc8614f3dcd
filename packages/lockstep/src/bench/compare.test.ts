import { expect, test } from 'vitest';
import { benchFile, measuredRow } from './bench-file.fixture.ts';
import type { Round } from './bench-file.ts';
import { compareFiles, noiseOf } from './compare.ts';

/** Numbers in (0, 1) that are the same on every run. */
function chance(seed: number): () => number {
  let state = seed * 2654435761;
  return () => {
    state = (Math.imul(state ^ (state >>> 16), 0x45d9f3b) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Rounds on a machine that is slower or faster from one to the next; the kernel takes `us` at its best. */
function rounds(us: number, { seed, speed, noise }: { seed: number; speed: number; noise: number }): Round[] {
  const next = chance(seed);
  return Array.from({ length: 15 }, () => {
    const now = speed * (0.7 + 0.6 * next());
    const jitter = 1 + noise * (next() + next() - 1);
    return { us: (us / now) * jitter, copyGbps: 100 * now, fmaGflops: 1000 * now };
  });
}

const compare = (before: Round[], after: Round[]) =>
  compareFiles(benchFile([measuredRow(before)]), benchFile([measuredRow(after)]))[0]!;

test('a machine that is half as fast an hour later has no slower kernels', () => {
  const verdicts = Array.from({ length: 40 }, (_, seed) =>
    compare(rounds(100, { seed, speed: 1, noise: 0.02 }), rounds(100, { seed: seed + 999, speed: 0.5, noise: 0.02 })),
  );
  expect(verdicts.filter(({ verdict }) => verdict !== 'noise')).toEqual([]);
});

test('a kernel that takes a tenth longer is found in nine of ten pairs', () => {
  const verdicts = Array.from({ length: 40 }, (_, seed) =>
    compare(rounds(100, { seed, speed: 1, noise: 0.02 }), rounds(110, { seed: seed + 999, speed: 0.7, noise: 0.02 })),
  );
  expect(verdicts.filter(({ verdict }) => verdict === 'slower').length).toBeGreaterThanOrEqual(36);
});

test('what other processes took may be what differs', () => {
  const [a, b] = [rounds(100, { seed: 1, speed: 1, noise: 0.02 }), rounds(140, { seed: 2, speed: 1, noise: 0.02 })];
  const verdict = (others: number) =>
    compareFiles(benchFile([measuredRow(a)]), benchFile([{ ...measuredRow(b), others }]))[0]!.verdict;
  expect([0, 0.1, 0.4].map(verdict)).toEqual(['slower', 'slower', 'noise']);
});

test('a machine on which nothing can be told says how noisy it is', () => {
  const noisy = Array.from({ length: 10 }, (_, seed) =>
    compare(rounds(100, { seed, speed: 1, noise: 0.5 }), rounds(110, { seed: seed + 99, speed: 1, noise: 0.5 })),
  );
  expect(noiseOf(noisy)).toBeGreaterThan(0.1);
});

test('settings of one kernel are compared each with itself', () => {
  const rows = [100, 200].map((us, i) => ({
    ...measuredRow([{ us, copyGbps: 1, fmaGflops: 1 }]),
    constants: { TILE: i },
  }));
  const compared = compareFiles(benchFile(rows), benchFile(rows.toReversed()));
  expect(compared.map(({ constants, speedUp }) => [constants['TILE'], speedUp])).toEqual([
    [0, 1],
    [1, 1],
  ]);
});

test('kernels without a time, or in one file only, are not compared', () => {
  const wrong = {
    op: 'a',
    shape: '1',
    dtype: 'f32',
    family: 'tiled',
    constants: {},
    status: 'wrong',
    message: '',
  } as const;
  expect(compareFiles(benchFile([wrong, measuredRow()]), benchFile([wrong]))).toEqual([]);
});
