import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { quote } from '../../../nn/src/quote.ts';
import { isPrintableLine, printable, printableLine } from './printable.ts';
import { reportError } from './report-error.ts';
import { say, sayable } from './say.ts';

describe('printable', () => {
  it('lets nobody move the cursor, or make text read otherwise than it stands', () => {
    expect(printable('a\tb\u001b[2Jc\r\nd\u009be\u0000')).toBe('a  b·[2Jc·\nd·e·');
    expect(printable('a\u202eb\u2066c\u2069d\u2028e\u009d')).toBe('a·b·c·d·e·');
    expect(printable('Ἰκάρος — “é” שלום 👩‍🚀')).toBe('Ἰκάρος — “é” שלום 👩‍🚀');
  });

  it('keeps a line a line', () => {
    expect(printableLine('runs/a\n✓ 400 steps')).toBe('runs/a·✓ 400 steps');
    expect([isPrintableLine('ä b'), isPrintableLine('a\nb'), isPrintableLine('\u001b[1m')]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

it('hides the very characters that messages about files escape', () => {
  const all = Array.from({ length: 0xd800 }, (_, code) => String.fromCharCode(code)).filter(
    (one) => !/["\\]/.test(one),
  );
  const hidden = all.filter((one) => !isPrintableLine(one));
  expect(hidden).toEqual(all.filter((one) => quote(one) !== `"${one}"`));
  expect(hidden).toEqual(expect.arrayContaining(['\u061c', '\u200e', '\u200f', '\u202e']));
});

describe('what is printed', () => {
  afterEach(() => vi.restoreAllMocks());

  it('holds nothing that a terminal obeys', () => {
    const stream = new PassThrough();
    say(stream, 'a\u001b]0;title\u0007\u001b[8mhidden');
    expect(String(stream.read())).toBe('a·]0;title··[8mhidden\n');
  });

  it('keeps its own colours, and no others, where there are colours', () => {
    const text = '\u001b[31mred\u001b[39m \u001b[2Jx\u001b[8m';
    expect(sayable(text, { colour: true })).toBe('\u001b[31mred\u001b[39m ·[2Jx·[8m');
  });

  it('lets an error add a hint, but no line that passes for another', () => {
    const write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const code = reportError(Object.assign(new Error('x\u001b[2J\n✓ all is well\nhint: y'), { code: 'CONFIG' }));
    expect(write.mock.calls.join('')).toMatch(/^\S*error\S* x·\[2J\n {2}✓ all is well\nhint: y\n$/);
    expect(code).toBe(2);
  });
});
