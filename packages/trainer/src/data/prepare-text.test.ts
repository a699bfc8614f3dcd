import { bpe, bytes, characters } from '@lockstep/nn';
import { expect, test } from 'vitest';
import { ConfigError } from '@lockstep/errors';
import { decodeText } from './decode-text.ts';
import { prepareText, textFromString } from './prepare-text.ts';
import { text } from './text.ts';

async function decodeAll(chunks: Uint8Array[]): Promise<string> {
  let result = '';
  for await (const part of decodeText(chunks, 'a test')) result += part;
  return result;
}

test('text() is a plain description: JSON keeps all of it', () => {
  const description = text('moby.txt', { tokenizer: 'bytes' });
  expect(description).toEqual({ kind: 'text', source: 'moby.txt', tokenizer: 'bytes', validation: 0.1 });
  expect(JSON.parse(JSON.stringify(description))).toEqual(description);
  expect(text('moby.txt', { tokenizer: bpe({ vocab: 300 }), unknown: 'drop' })).toMatchObject({
    tokenizer: { kind: 'bpe', vocab: 300 },
    unknown: 'drop',
  });
  expect(text(new URL('https://example.org/a b.txt')).source).toBe('https://example.org/a%20b.txt');
});

test('a string becomes a dataset whose rows read as the string', async () => {
  const content = 'Call me Ishmael. '.repeat(30);
  const dataset = await textFromString(content);
  expect(dataset.facts.vocab).toBe(new Set(content).size);
  const { batch } = dataset.batches({ context: 40 });
  const { tokens } = batch({ step: 0, seed: 1, shard: 0, shards: 1, batchSize: 1 });
  expect(content).toContain(await dataset.tokenizer.decode(tokens as Uint32Array));
});

test('a tokenizer may be given as it is', async () => {
  const dataset = await textFromString('naïve', { tokenizer: bytes(), validation: 0 });
  expect(dataset.trainTokens).toBe(6);
});

test('a tokenizer is learned from the training part, and nothing of the rest is', async () => {
  const content = `${'the whale '.repeat(60)}${'zq'.repeat(60)}`;
  const dataset = await textFromString(content, { tokenizer: bpe({ vocab: 262 }), validation: 0.4 });
  const ids = await dataset.tokenizer.encode('the whale');
  expect(ids.length).toBeLessThan(9);
  expect(await dataset.tokenizer.encode('zqzq')).toHaveLength(4);
  expect(dataset.facts.vocab).toBe(262);
  expect(await dataset.tokenizer.decode(ids)).toBe('the whale');
});

test('a character without a token stops with its place in the whole text, however far on, or is dropped', async () => {
  const content = `${'abc ab\n'.repeat(30_000)}ab🐋c`;
  const tokenizer = characters('abc \n');
  await expect(textFromString(content, { tokenizer })).rejects.toThrow(
    'got "🐋" (U+1F40B) at line 30001, column 3 of the string',
  );
  const dataset = await textFromString(content, { tokenizer, unknown: 'drop', validation: 0 });
  expect(dataset.trainTokens).toBe(content.length - '🐋'.length);
});

test('a URL is fetched and decoded', async () => {
  const url = `data:text/plain;base64,${btoa('abcabcabcabc')}`;
  const dataset = await prepareText(text(url, { validation: 0 }));
  expect([dataset.trainTokens, dataset.facts.vocab]).toEqual([12, 3]);
});

test('a URL that names a sha256 is that content, or refused', async () => {
  const url = 'data:text/plain,Call me Ishmael. Some years ago';
  const sha256 = 'c921015b8ddf08253443db8a2eca34ebb8a20eb54173060f32652ef9e7db42ca';
  expect((await prepareText(text(`${url}#sha256=${sha256}`))).facts.vocab).toBe(15);
  const other = `${url}!#sha256=${sha256}`;
  await expect(prepareText(text(other))).rejects.toThrow(`text: expected ${other} to give what its sha256 says, got `);
});

test('what cannot be fetched, an empty string, and bytes that are no text are ConfigErrors', async () => {
  await expect(prepareText(text('nowhere:x'))).rejects.toThrow(ConfigError);
  await expect(textFromString('')).rejects.toThrow('text: expected a text, got nothing in the string');
  await expect(textFromString('a\0b')).rejects.toThrow('got a NUL byte at 1 of the string');
});

test('characters across the borders of chunks stay whole', async () => {
  const content = 'naïve 鯨 🐋';
  const encoded = new TextEncoder().encode(content);
  for (let size = 1; size < 6; size++) {
    const chunks = Array.from({ length: Math.ceil(encoded.length / size) }, (_, i) =>
      encoded.subarray(i * size, (i + 1) * size),
    );
    expect(await decodeAll(chunks)).toBe(content);
  }
});

test.each([
  [
    'a NUL byte',
    [
      [65, 66],
      [67, 0],
    ],
    'got a NUL byte at 3 of a test',
  ],
  ['a wrong sequence', [[65], [0xff]], 'got other bytes between bytes 1 and 2 of a test'],
  ['a sequence cut off', [[65, 0xe2, 0x82]], 'got other bytes at the end of a test'],
])('%s is refused with its place', async (_, chunks, message) => {
  await expect(decodeAll(chunks.map((chunk) => Uint8Array.from(chunk)))).rejects.toThrow(message);
});
