import { expect, test } from 'vitest';
import { stepRow } from '../bench-file.fixture.ts';
import { stepTable } from './table.ts';

test('a step’s kernels stand below its sentence, each with its place below the ceilings', () => {
  expect(stepTable(stepRow()).split('\n')).toEqual([
    'S: batch 8 × 64',
    '  1.000 ms a step: 1.800 ms of kernels one after the other, 0.050 ms of the host to encode and submit',
    '  3 dispatches in 1 submit; 1 MiB on the device, 13 MiB moved at the least; a number comes back in 0.020 ms',
    expect.stringMatching(/^ {2}Bound by computing: 77 % of 1\.02 ms /),
    '  kernel               ms     %  flops/byte  GFLOP/s  GB/s  % of  ceiling',
    '  matmulTiled  2 ×  1.600  88.9         200      500  2.50    50  fma',
    '  copy         1 ×  0.200  11.1           –        –  50.0    50  copy',
  ]);
});

test('a step of an older file has its kernels’ times alone', () => {
  const { roofline: _, kernels, ...rest } = stepRow();
  const older = { ...rest, kernels: kernels.map(({ kernel, count, us }) => ({ kernel, count, us })) };
  const lines = stepTable(older).split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[4]).toBe('  matmulTiled  2 ×  1.600  88.9           –        –     –     –');
});
