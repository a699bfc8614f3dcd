import { expect, test } from 'vitest';
import { benchFile, measuredRow } from './bench-file.fixture.ts';
import { t4Of } from './t4.ts';

test('a measured kernel is a configuration with its times in milliseconds', () => {
  const { schema_version, results } = t4Of([benchFile([{ ...measuredRow(), constants: { TILE: 16 } }])]);
  expect(schema_version).toBe('1.0.0');
  expect(results).toMatchObject([
    {
      configuration: { op: 'matmul', shape: '64x64x64', family: 'tiled', adapter: 'card', TILE: 16 },
      times: { compilation: 10, runtimes: [0.1] },
      invalidity: 'correct',
      correctness: 1,
      objectives: ['time'],
    },
  ]);
  expect(results[0]!.measurements[0]).toEqual({ name: 'time', value: 0.1, unit: 'ms' });
});

test('what was wrong, or did not compile, is no result', () => {
  const label = { op: 'a', shape: '1', dtype: 'f32', family: 'own', constants: {}, message: '' };
  const rows = (['wrong', 'failed', 'timeout'] as const).map((status) => ({ ...label, status }));
  const { results } = t4Of([benchFile(rows)]);
  expect(results.map(({ invalidity, correctness }) => [invalidity, correctness])).toEqual([
    ['runtime', 0],
    ['compile', 0],
    ['timeout', 0],
  ]);
  expect(results.every(({ measurements }) => measurements.length === 0)).toBe(true);
});
