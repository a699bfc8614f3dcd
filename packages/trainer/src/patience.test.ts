import { describe, expect, it } from 'vitest';
import { Patience } from './patience.ts';

const metrics = ['accuracy'];
const plan = { every: 10, batches: 1, patience: 2 };
const found = (loss: number, metrics = {}): { loss: number; metrics: Record<string, number> } => ({ loss, metrics });

describe('Patience', () => {
  it('ends after as many validations as it has that were no better than the best', () => {
    const patience = new Patience(plan, { metrics });
    expect([3, 2, 2.5].map((loss, i) => patience.after(10 * i, found(loss)))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(patience.after(30, found(2))).toBe(
      'validation loss has been no better for 2 validations than the 2 after step 10',
    );
  });

  it('begins to wait anew with each that is better', () => {
    const patience = new Patience(plan, { metrics });
    for (const loss of [3, 4, 2.9, 3.5, 2.8]) expect(patience.after(0, found(loss))).toBeUndefined();
  });

  it('goes on where a state says that it was', () => {
    const before = new Patience(plan, { metrics });
    for (const loss of [2, 3]) before.after(10, found(loss));
    expect(new Patience(plan, { metrics, best: before.best }).after(30, found(3))).toMatch(
      /^validation loss has been no better/,
    );
    expect(new Patience(plan, { metrics }).after(30, found(3))).toBeUndefined();
  });

  it('judges a metric that is the better the higher it is', () => {
    const patience = new Patience({ ...plan, patience: 1, highest: 'accuracy' }, { metrics });
    expect(patience.after(1, found(1, { accuracy: 0.5 }))).toBeUndefined();
    expect(patience.after(2, found(9, { accuracy: 0.6 }))).toBeUndefined();
    expect(patience.after(3, found(0, { accuracy: 0.6 }))).toMatch(
      /^validation accuracy .* than the 0.6 after step 2$/,
    );
  });

  it('refuses a metric that the loss does not give', () => {
    expect(() => new Patience({ ...plan, lowest: 'perplexity' }, { metrics })).toThrow(
      'validation.lowest: expected one of loss, accuracy, got perplexity',
    );
  });

  it('never ends where none was asked for', () => {
    const patience = new Patience({ ...plan, patience: 0 }, { metrics });
    for (const loss of [1, 2, 3, 4]) expect(patience.after(0, found(loss))).toBeUndefined();
    expect(patience.best).toBeUndefined();
  });
});
