import { expect, test } from 'vitest';
import { type BenchKernelsOptions, benchKernelsCommand } from './bench-kernels.ts';

test.each<[string, Partial<BenchKernelsOptions>, RegExp]>([
  ['an op that there is not', { op: ['mathmul'] }, /expected --op to be of matmul, .*, got mathmul$/],
  ['sizes of no op', { shapes: ['3x3'] }, /expected one --op beside --shapes, got none$/],
  ['sizes of two ops', { op: ['add', 'gelu'], shapes: ['3x3'] }, /expected one --op beside --shapes, got 2$/],
  ['sizes beside a run', { op: ['add'], shapes: ['3x3'], run: 'run.ts' }, /expected --shapes or --run, got both$/],
  [
    'halves of an op without',
    { op: ['matmul'], dtype: 'f16' },
    /expected an op with kernels of f16, of .*, got matmul$/,
  ],
  ['a folder for no page', { out: 'site' }, /expected --browser beside --out, got none$/],
  [
    'a file of a page for others',
    { browser: true, out: 'site', json: 'a.json' },
    /expected --out or --json, got both\n/,
  ],
  ['no time at all', { deadline: 0 }, /expected --deadline to be above 0, got 0$/],
])('%s is refused before a device is opened', async (_what, options, message) => {
  const refused = benchKernelsCommand({ rounds: 1, deadline: 1, ...options });
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toMatchObject({ code: 'CONFIG' });
});
