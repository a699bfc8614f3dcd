import { expect, test } from 'vitest';
import { requireMetricNames } from './metric-names.ts';

test('a metric is not called like a figure of the log, which it would overwrite', () => {
  expect(() => requireMetricNames(['accuracy', 'f1', 'valid'])).not.toThrow();
  for (const name of ['loss', 'lr', 'tokens', 'validation.accuracy'])
    expect(() => requireMetricNames(['accuracy', name])).toThrow(
      `metrics: expected names that no figure of the log has, got ${name}\nhint: `,
    );
});

test.each(['', 'a\u001b[2J', 'two\nlines', 'a\u202eb', 'x'.repeat(101)])('%j is no name that can be shown', (name) => {
  expect(() => requireMetricNames([name])).toThrow('metrics: expected names of 1 to 100 printable characters, got ');
});
