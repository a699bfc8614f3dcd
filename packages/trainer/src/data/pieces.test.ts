import type { Cuts } from '@lockstep/nn';
import { expect, test } from 'vitest';
import { pieces, type Piece } from './pieces.ts';

const nowhere: Cuts = { anywhere: false, space: false, newline: false, dropSpace: false, plain: /[a-z]/ };
const anywhere = { ...nowhere, anywhere: true };
const words = { ...nowhere, space: true, newline: true };

async function cutUp(texts: string[], options: { cuts: Cuts; length: number }): Promise<Piece[]> {
  const result: Piece[] = [];
  for await (const piece of pieces(texts, options)) result.push(piece);
  return result;
}

async function textsOf(texts: string[], options: { cuts: Cuts; length: number }): Promise<string[]> {
  return (await cutUp(texts, options)).map(({ text }) => text);
}

const prose =
  'Call me Ishmael. Some years ago—never mind how long precisely—having little  or no money\n\nin my purse, 🐋 and nothing.\nx\n';

test.each([
  ['where words begin', words],
  ['anywhere', anywhere],
])('where a text is cut does not depend on how it came in: %s', async (_, cuts) => {
  const text = prose.repeat(20);
  const whole = await textsOf([text], { cuts, length: 40 });
  expect(whole.join('')).toBe(text);
  expect(whole.length).toBeGreaterThan(20);
  for (const size of [1, 7, 64, 1000]) {
    const parts = text.match(new RegExp(`[^]{1,${size}}`, 'g'))!;
    expect(await textsOf(parts, { cuts, length: 40 })).toEqual(whole);
  }
});

test('pieces begin at a single space between plain characters, or with a line', async () => {
  const whole = await textsOf(['a  b c, d e\nf\n\ng h'], { cuts: words, length: 1 });
  expect(whole).toEqual(['a  b', ' c, d', ' e\n', 'f\n\ng', ' h']);
});

test('the space between two pieces may belong to neither', async () => {
  const cut = await cutUp(['ab cd'], { cuts: { ...words, dropSpace: true }, length: 1 });
  expect(cut).toEqual([
    { text: 'ab', gap: ' ' },
    { text: 'cd', gap: '' },
  ]);
});

test('a text without a place to cut at stays whole', async () => {
  expect(await textsOf(['ab cd', ' ef'], { cuts: nowhere, length: 1 })).toEqual(['ab cd ef']);
  expect(await textsOf(['a'.repeat(99), 'b'.repeat(99)], { cuts: words, length: 7 })).toHaveLength(1);
});

test('a character is never cut in two', async () => {
  for (const start of ['', 'x']) {
    const texts = await textsOf([start + '🐋'.repeat(100)], { cuts: anywhere, length: 7 });
    for (const piece of texts) expect(piece).toMatch(/^x?(🐋)+$/u);
  }
});
