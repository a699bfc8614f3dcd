import { expect, test } from 'vitest';
import { decodeControl, encodeControl } from './control.ts';
import { decodeFrame, encodeFrame, maxPayloadBytes, payloadOf } from './frame.ts';

const header = { epoch: 65535, from: 3, to: 65534, tag: 2 ** 32 - 1, total: 100, offset: 97 };
const good = (): Uint8Array => encodeFrame('piece', Uint8Array.of(1, 2, 3), header);

test('comes back as it went', () => {
  expect(decodeFrame(good())).toEqual({ kind: 'piece', ...header, length: 3, parts: [Uint8Array.of(1, 2, 3)] });
});

test.each([[[24]], [[24, 25]], [[3, 24, 26]], [[23]], [[25]]])('may come in fragments, cut at %j', (cuts) => {
  const bytes = good();
  const fragments = [...cuts, bytes.length].map((end, i) => bytes.subarray(cuts[i - 1] ?? 0, end));
  const frame = decodeFrame(fragments);
  expect(frame).toMatchObject({ kind: 'piece', ...header });
  expect([...payloadOf(frame)]).toEqual([1, 2, 3]);
});

test('reads at odd addresses', () => {
  const padded = new Uint8Array(good().length + 3);
  padded.set(good(), 3);
  expect(decodeFrame(padded.subarray(3))).toMatchObject(header);
});

test.each<[string, (bytes: Uint8Array) => Uint8Array, number]>([
  ['no bytes', () => new Uint8Array(0), 4003],
  ['half a header', (bytes) => bytes.subarray(0, 12), 4003],
  ['a missing byte', (bytes) => bytes.subarray(0, -1), 4003],
  ['a byte too many', (bytes) => Uint8Array.of(...bytes, 0), 4003],
  ['another version', (bytes) => bytes.with(0, 1), 4002],
  ['an unknown kind', (bytes) => bytes.with(1, 11), 4003],
  ['a piece beyond its message', (bytes) => bytes.with(20, 98), 4003],
  ['a rank in a control frame', (bytes) => bytes.with(1, 4), 4003],
  ['a grant with a payload', (bytes) => bytes.with(1, 8), 4003],
  ['a credit of nothing', () => encodeFrame('credit', new Uint8Array(0)), 4003],
  ['a part of a message that goes whole', (bytes) => bytes.with(1, 5), 4003],
  ['more than a frame may hold', () => oversized(), 1009],
])('refuses %s', (_, spoil, closeCode) => {
  expect(() => decodeFrame(spoil(good()))).toThrow(expect.objectContaining({ code: 'PROTOCOL', closeCode }));
});

function oversized(): Uint8Array {
  const bytes = new Uint8Array(24 + maxPayloadBytes + 1);
  bytes.set(encodeFrame('control', new Uint8Array(0)));
  new DataView(bytes.buffer).setUint32(12, maxPayloadBytes + 1, true);
  return bytes;
}

test('refuses to make a frame above the limit', () => {
  expect(() => encodeFrame('control', new Uint8Array(maxPayloadBytes + 1))).toThrow('expected at most 1048576 bytes');
});

test('carries values of a run', () => {
  const value = { text: 'ü', list: [1, 2.5, null, true], bytes: Uint8Array.of(1, 2), nested: { big: 2 ** 40 } };
  const message = decodeControl(payloadOf(decodeFrame(encodeControl({ kind: 'value', value }))));
  expect(message).toEqual({ kind: 'value', value: { ...value, bytes: expect.objectContaining({ length: 2 }) } });
});
