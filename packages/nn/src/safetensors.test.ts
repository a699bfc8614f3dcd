import { describe, expect, test } from 'vitest';
import { CheckpointError } from '@lockstep/errors';
import { decodeSafetensors, encodeSafetensors, safetensorsMetadata } from './safetensors.ts';

/** A file with any header text, well formed or not. */
function fileOf(header: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(header);
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(json.length), true);
  return new Uint8Array([...prefix, ...json, ...data]);
}

const entry = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32'): string =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

test('what is encoded decodes to the same names, shapes and bits', () => {
  const tensors = new Map([
    ['h.0.weight', { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, NaN, Infinity, -0) }],
    ['', { shape: [], data: Float32Array.of(7) }],
    ['empty', { shape: [0, 5], data: new Float32Array() }],
    ['__proto__', { shape: [1], data: Float32Array.of(1e-42) }],
  ]);
  const bytes = encodeSafetensors(tensors, { step: '12', '0': 'zero' });
  const decoded = decodeSafetensors(bytes);
  expect([...decoded.keys()].sort()).toEqual([...tensors.keys()].sort());
  for (const [name, { shape, data }] of tensors) expect(decoded.get(name)).toEqual({ dtype: 'F32', shape, data });
  expect(safetensorsMetadata(bytes)).toEqual({ step: '12', '0': 'zero' });
});

test('equal tensors give equal bytes, whatever order they come in, and data starts aligned', () => {
  const a = ['a', { shape: [1], data: Float32Array.of(1) }] as const;
  const b = ['b', { shape: [1], data: Float32Array.of(2) }] as const;
  const bytes = encodeSafetensors([b, a]);
  expect(bytes).toEqual(encodeSafetensors([a, b]));
  expect((bytes.length - 8) % 8).toBe(0);
});

test('a view into a larger buffer is read at its own offset', () => {
  const bytes = encodeSafetensors([['a', { shape: [2], data: Float32Array.of(1, 2) }]]);
  const larger = new Uint8Array([1, 2, 3, ...bytes, 4]);
  expect(decodeSafetensors(larger.subarray(3, 3 + bytes.length)).get('a')?.data).toEqual(Float32Array.of(1, 2));
});

test('a Buffer, as Node reads files into, is read like any other bytes', () => {
  const file = Buffer.from(
    encodeSafetensors([
      ['a', { shape: [2], data: Float32Array.of(1, 2) }],
      ['b', { shape: [], data: Float32Array.of(3) }],
    ]),
  );
  const numbers = [...decodeSafetensors(file).values()].map(({ data }) => data);
  expect(numbers).toEqual([Float32Array.of(1, 2), Float32Array.of(3)]);
});

test('half precision is widened', () => {
  const file = fileOf(
    `{"a":${entry(0, 4, [2], 'F16')},"b":${entry(4, 6, [], 'BF16')}}`,
    new Uint8Array([0, 0x3c, 0, 0xc0, 0xc0, 0x3f]),
  );
  const decoded = decodeSafetensors(file);
  expect(decoded.get('a')).toEqual({ dtype: 'F16', shape: [2], data: Float32Array.of(1, -2) });
  expect(decoded.get('b')).toEqual({ dtype: 'BF16', shape: [], data: Float32Array.of(1.5) });
});

const twelve = new Uint8Array(12);

test.each<[string, string, Uint8Array, string[]]>([
  ['metadata that is null', `{"__metadata__":null,"w":${entry(0, 12)}}`, twelve, ['w']],
  ['empty metadata', `{"__metadata__":{},"w":${entry(0, 12)}}`, twelve, ['w']],
  ['no tensors', '{}', new Uint8Array(), []],
  ['white space of every kind around it', ` \n\t\r{ "w" : ${entry(0, 12)} } \n\t\r`, twelve, ['w']],
  ['a length that is no multiple of 8', `{"w":${entry(0, 12)}} `, twelve, ['w']],
  ['tensors in another order than their data', `{"b":${entry(4, 12)},"a":${entry(0, 4)}}`, twelve, ['a', 'b']],
  [
    'empty tensors anywhere',
    `{"w":${entry(0, 12)},"y":${entry(12, 12, [3, 0])},"a":${entry(0, 0)}}`,
    twelve,
    ['a', 'w', 'y'],
  ],
  ['a tensor without axes', `{"w":${entry(0, 4, [])},"x":${entry(4, 12)}}`, twelve, ['w', 'x']],
  [
    'fields it does not know, however deep',
    `{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12],"more":${'['.repeat(100)}${']'.repeat(100)}}}`,
    twelve,
    ['w'],
  ],
  ['names of any characters', `{"":${entry(0, 4)},"\\u0000\\"}":${entry(4, 12)}}`, twelve, ['', '\0"}']],
])('a header is read with %s, as by the reference', (_, header, data, names) => {
  expect([...decodeSafetensors(fileOf(header, data)).keys()]).toEqual(names);
});

test.each([
  ...['BOOL', 'U8', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'].map((dtype) => [dtype, 8]),
  ...['I16', 'U16'].map((dtype) => [dtype, 16]),
  ...['I32', 'U32'].map((dtype) => [dtype, 32]),
  ...['I64', 'U64', 'C64'].map((dtype) => [dtype, 64]),
  ['F4', 4],
  ...['F6_E2M3', 'F6_E3M2'].map((dtype) => [dtype, 6]),
] as [string, number][])('%s is known by its size, and named where it should be read', (dtype, bits) => {
  const file = (bytes: number): Uint8Array => fileOf(`{"x":${entry(0, bytes, [8], dtype)}}`, new Uint8Array(bytes));
  expect(decodeSafetensors(file(bits), { unsupported: 'skip' }).size).toBe(0);
  expect(() => decodeSafetensors(file(bits))).toThrow(`for "x", got ${dtype}`);
  expect(() => decodeSafetensors(file(bits + 1), { unsupported: 'skip' })).toThrow(
    `${bits} bytes for "x", ${dtype} [8]`,
  );
});

test('other number formats are an error that names them, or are left out on demand', () => {
  const file = fileOf(`{"ids":${entry(0, 8, [1], 'I64')},"w":${entry(8, 12)}}`, new Uint8Array(12));
  expect(() => decodeSafetensors(file)).toThrow('decodeSafetensors: expected F64, F32, F16 or BF16 for "ids", got I64');
  expect([...decodeSafetensors(file, { unsupported: 'skip' }).keys()]).toEqual(['w']);
});

describe('refuses', () => {
  const four = new Uint8Array(4);
  const eight = new Uint8Array(8);
  const prefixOf = (length: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(length).buffer);
  test.each<[string, Uint8Array, string]>([
    ['a file shorter than its prefix', new Uint8Array(7), 'at least 8 bytes, got 7'],
    [
      'a header beyond the limit',
      prefixOf(2n ** 64n - 1n),
      'a header of at most 100000000 bytes, got 18446744073709551615',
    ],
    ['a header beyond the file', prefixOf(9n), 'a header within the file of 8 bytes, got a header of 9'],
    ['a header that is no object', fileOf('[1]'), 'a header in JSON, got "[" instead of {, at 0'],
    ['an empty header', fileOf(''), 'a header in JSON, got the end instead of {, at 0'],
    ['broken JSON', fileOf('{"a"'), 'a header in JSON, got the end instead of :, at 4'],
    ['a comma before the end', fileOf(`{"a":${entry(0, 4)},}`, four), 'a header in JSON, got "}" instead of "'],
    ['a value that is no JSON', fileOf('{"a":{dtype}}'), 'a header in JSON, got "{dtype}"'],
    ['a name that is no JSON', fileOf('{"\u0001":{}}'), 'a header in JSON, got a name that is no text, at 1'],
    ['a name without end', fileOf('{"a'), 'a header in JSON, got a text without end'],
    ['a value without end', fileOf('{"a":{"b":[}'), 'a header in JSON, got a value without end'],
    ['what follows the object', fileOf('{}\0'), 'a header in JSON, got more behind the object, at 2'],
    ['deep nesting', fileOf(`{"a":${'['.repeat(128)}${']'.repeat(128)}}`), 'got values nested more than 127 deep'],
    ['an endless entry', fileOf(`{"a":[${'[],'.repeat(3e4)}[]]}`), 'at most 65536 characters on "a", got 90004'],
    ['a name twice', fileOf(`{"a":${entry(0, 4)},"\\u0061":${entry(0, 4)}}`, four), 'every name once, got "a" twice'],
    ['metadata that is not strings', fileOf('{"__metadata__":{"a":1}}'), 'a string for "a" of __metadata__, got "1"'],
    ['metadata that is a list', fileOf('{"__metadata__":[]}'), '__metadata__ of strings, got "[]"'],
    ['metadata twice', fileOf('{"__metadata__":{},"__metadata__":{}}'), '"__metadata__" twice'],
    ['four bits that fill no byte', fileOf(`{"a":${entry(0, 0, [1], 'F4')}}`), 'whole bytes for "a", F4 [1]'],
    ['an entry without offsets', fileOf('{"a":{"dtype":"F32","shape":[]}}'), 'dtype, shape and data_offsets for "a"'],
    ['a negative length', fileOf(`{"a":${entry(0, 4, [-1])}}`, four), 'shape: 0: '],
    ['a fractional offset', fileOf(`{"a":${entry(0, 4.5, [1])}}`, four), 'data_offsets: 1: '],
    ['a shape that overflows', fileOf(`{"a":${entry(0, 4, [2 ** 40, 2 ** 40])}}`, four), 'below 2^53 elements'],
    [
      'a size that is not its shape',
      fileOf(`{"a":${entry(0, 4, [2])}}`, four),
      '8 bytes for "a", F32 [2], got offsets 0 to 4',
    ],
    ['offsets backwards', fileOf(`{"a":${entry(4, 0, [1])}}`, four), 'got offsets 4 to 0'],
    ['offsets beyond the data', fileOf(`{"a":${entry(0, 8)}}`, four), '8 bytes of data, as the header says, got 4'],
    [
      'bytes in no tensor at the end',
      fileOf(`{"a":${entry(0, 4)}}`, eight),
      '4 bytes of data, as the header says, got 8',
    ],
    ['a hole', fileOf(`{"a":${entry(4, 8)}}`, eight), '"a" to start where the one before it ends, at 0, got 4'],
    [
      'an overlap',
      fileOf(`{"a":${entry(0, 4)},"b":${entry(0, 8)}}`, eight),
      '"b" to start where the one before it ends, at 4, got 0',
    ],
  ])('%s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes)).toThrow(CheckpointError);
    expect(() => decodeSafetensors(bytes)).toThrow(message);
  });

  test('to encode numbers that do not fill their shape, and a name twice', () => {
    const one = { shape: [1], data: Float32Array.of(1) };
    expect(() => encodeSafetensors([['a', { ...one, shape: [2] }]])).toThrow('expected 2 numbers for "a" [2], got 1');
    expect(() =>
      encodeSafetensors([
        ['a', one],
        ['a', one],
      ]),
    ).toThrow('expected every name once, got "a" twice');
  });
});
