// Whatever bytes a safetensors file holds, reading it ends in tensors that fit the file or in a CheckpointError, never otherwise.
import { CheckpointError, decodeSafetensors, encodeSafetensors } from '@lockstep/nn';
import fc from 'fast-check';
import { expect, test } from 'vitest';

/** The same bytes every time: what fails once fails again. */
const seed = 1;

const headerLength = 8;
const valid = encodeSafetensors(
  [
    ['wte.weight', { shape: [5, 3], data: Float32Array.from({ length: 15 }, (_, i) => i) }],
    ['wte.bias', { shape: [3], data: Float32Array.of(1, 2, 3) }],
    ['scale', { shape: [], data: Float32Array.of(0.5) }],
  ],
  { format: 'pt' },
);

/** Reads `bytes`; what comes back may at most be twice the file (F16 widened to f32). */
function read(bytes: Uint8Array): 'read' | 'refused' {
  try {
    const tensors = [...decodeSafetensors(bytes, { unsupported: 'skip' }).values()];
    const allocated = tensors.reduce((sum, { data }) => sum + data.byteLength, 0);
    expect(allocated).toBeLessThanOrEqual(2 * bytes.length);
    for (const { shape, data } of tensors) expect(shape.reduce((product, n) => product * n, 1)).toBe(data.length);
    return 'read';
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    expect(error.message.split('\n').length).toBe(1);
    return 'refused';
  }
}

function fileOf(header: string, dataLength: number): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(headerLength + json.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, headerLength);
  return bytes;
}

test('any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void read(bytes)),
    { numRuns: 2000, seed },
  );
});

test('a good file with bytes changed and the end cut off', () => {
  const change = fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 }));
  const arbitrary = fc.tuple(fc.array(change, { maxLength: 6 }), fc.option(fc.nat(valid.length)));
  fc.assert(
    fc.property(arbitrary, ([changes, cut]) => {
      const bytes = valid.slice(0, cut ?? valid.length);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      read(bytes);
    }),
    { numRuns: 3000, seed },
  );
});

test('any JSON as a header', () => {
  const header = fc.oneof(
    fc.json(),
    fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value)),
  );
  fc.assert(
    fc.property(header, fc.nat(64), (json, dataLength) => void read(fileOf(json, dataLength))),
    { numRuns: 2000, seed },
  );
});

test('headers that are nearly right, some of which are', () => {
  const size = fc.oneof(fc.nat(4), fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 1e300));
  const offset = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(0, 2, 4, 8, 16) }, { weight: 1, arbitrary: size });
  const entry = fc.record({
    dtype: fc.constantFrom('F32', 'F16', 'BF16', 'I64', 'constructor', 'F4'),
    shape: fc.array(size, { maxLength: 3 }),
    data_offsets: fc.tuple(offset, offset),
  });
  const name = fc.oneof(fc.constantFrom('a', 'b', '__proto__', '__metadata__', 'constructor'), fc.string());
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(fc.dictionary(name, entry, { maxKeys: 3 }), fc.constantFrom(0, 4, 8, 16), (header, dataLength) => {
      outcomes.add(read(fileOf(JSON.stringify(header), dataLength)));
    }),
    { numRuns: 5000, seed },
  );
  expect([...outcomes].sort()).toEqual(['read', 'refused']);
});
