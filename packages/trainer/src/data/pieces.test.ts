import { bytes, huggingface } from '@lockstep/nn';
import { expect, test } from 'vitest';
import { pieces } from './pieces.ts';

async function cutUp(texts: string[], length: number): Promise<string[]> {
  const result: string[] = [];
  for await (const piece of pieces(texts, length)) result.push(piece);
  return result;
}

const wide = 'one  two   three  four five  six\n\n ';
const prose =
  'Call me Ishmael. Some years ago—never mind how long precisely—having little  or no money\n\nin my purse, 🐋 and nothing.\n';

test('where a text is cut does not depend on how it came in', async () => {
  const text = prose.repeat(20);
  const whole = await cutUp([text], 40);
  expect(whole.join('')).toBe(text);
  expect(whole.length).toBeGreaterThan(20);
  for (const size of [1, 7, 64, 1000]) {
    const parts = text.match(new RegExp(`[^]{1,${size}}`, 'g'))!;
    expect(await cutUp(parts, 40)).toEqual(whole);
  }
});

test('pieces have a bounded length, and begin at the space before a word', async () => {
  const whole = await cutUp([prose.repeat(20) + wide.repeat(20)], 40);
  for (const piece of whole) expect(piece.length).toBeLessThanOrEqual(80);
  for (const piece of whole.slice(1)) expect(piece).toMatch(/^ \S/);
});

test('a text without spaces is cut too, but never within a character', async () => {
  for (const start of ['', 'x']) {
    for (const piece of await cutUp([start + '🐋'.repeat(100)], 7)) expect(piece).toMatch(/^x?(🐋)+$/u);
  }
});

test("GPT-2's way of splitting words gives the same tokens in pieces as at once", async () => {
  const json = structuredClone(bytes().toJSON()) as Record<string, unknown> & {
    model: { vocab: Record<string, number>; merges: string[] };
  };
  json['pre_tokenizer'] = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  // A run of spaces or of line ends becomes one token where the splitting lets it.
  json.model.merges = ['Ġ Ġ', 'Ċ Ċ', 'Ġ o'];
  Object.assign(json.model.vocab, { ĠĠ: 256, ĊĊ: 257, Ġo: 258 });
  const tokenizer = huggingface(json);
  const text = prose.repeat(5) + wide.repeat(20);
  const inPieces = (await cutUp([text], 30)).flatMap((piece) => [...tokenizer.encode(piece)]);
  expect(inPieces).toEqual([...tokenizer.encode(text)]);
});
