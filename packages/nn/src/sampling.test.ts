// Drawing a token from scores that are none would write nonsense; it is refused. What is drawn from sound ones: test/generate.test.ts.
import { expect, test } from 'vitest';
import { sample } from './sampling.ts';

test.each([0, 1])('scores that are NaN or infinitely high are refused, at temperature %d', (temperature) => {
  for (const score of [NaN, Infinity]) {
    expect(() => sample(Float32Array.of(1, 2, score, 3), 0, { temperature })).toThrow(
      expect.objectContaining({
        code: 'DIVERGED',
        message: expect.stringContaining(
          `generate: expected finite scores of tokens, got ${score} for token 2\nhint: `,
        ),
      }),
    );
  }
});

test.each([0, 1])(
  'a score of -Infinity forbids a token, and not all may be forbidden, at temperature %d',
  (temperature) => {
    const forbidden = new Float32Array(5).fill(-Infinity);
    expect(() => sample(forbidden, 0, { temperature })).toThrow(
      'expected a token with a score above -Infinity, got none of 5',
    );
    forbidden[3] = -7;
    for (let position = 0; position < 9; position++) expect(sample(forbidden, position, { temperature })).toBe(3);
  },
);
