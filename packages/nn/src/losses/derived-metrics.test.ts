import { expect, test } from 'vitest';
import { defineLoss } from './define-loss.ts';
import { withDerived } from './derived-metrics.ts';
import { nextToken } from './next-token.ts';

const deriving = (derive: (means: Readonly<Record<string, number>>) => Record<string, number>) =>
  defineLoss((model, inputs) => ({ loss: model.logits(inputs) }), { name: 'judged', derive })();
const means = { loss: Math.log(2), right: 0.25, found: 0.5, asked: 0 };

test('what a loss derives stands beside the means it is made of', () => {
  const loss = deriving(({ loss, right, found, asked }) => ({
    perplexity: Math.exp(loss!),
    f1: (2 * right!) / (found! + asked!),
  }));
  expect(withDerived(loss, means)).toEqual({ ...means, perplexity: 2, f1: 1 });
  expect(withDerived(nextToken(), means)).toEqual(means);
});

test('what is not finite is left out', () => {
  const loss = deriving(({ right, asked }) => ({ recall: right! / asked!, none: asked! / asked! }));
  expect(withDerived(loss, means)).toEqual(means);
  expect(withDerived(loss, { ...means, right: Number.NaN })).toEqual({ loss: means.loss, found: 0.5, asked: 0 });
});

test.each([
  [() => ({ f1: 'high' }) as never, 'judged: derive: f1: expected a number, got "high"'],
  [() => ({ right: 1 }), 'judged: derive: expected names of its own, got right, which is a mean already'],
])('wrong use is one line', (derive, message) => {
  expect(() => withDerived(deriving(derive), means)).toThrow(message);
});
