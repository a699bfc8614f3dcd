// What a rank says of a collective call before its data is believed: enough to tell whether the others make the same
// call, and to name both where they do not.

import { type DType, type ReduceOp, type Wire, wires } from './arithmetic/encoding.ts';
import { MismatchError } from '@lockstep/errors';

export type CollectiveName =
  | 'allReduce'
  | 'reduceScatter'
  | 'allGather'
  | 'broadcast'
  | 'gather'
  | 'barrier'
  | 'allToAll'
  | 'measure'
  /** A call that the rank itself did not let through, and which the others should not wait for. */
  | 'refused';

/** In the order of their codes on the wire. */
const collectiveNames: readonly CollectiveName[] = [
  'allReduce',
  'reduceScatter',
  'allGather',
  'broadcast',
  'gather',
  'barrier',
  'allToAll',
  'measure',
  'refused',
];

/** The type of what a call moves; where nothing is computed, 16 bits may mean anything. */
export type MovedType = DType | 'u16' | 'u8' | 'none';

const ops: readonly (ReduceOp | 'none')[] = ['none', 'sum', 'mean', 'max', 'min'];
const dtypes: readonly MovedType[] = ['f32', 'i32', 'bf16', 'f16', 'u16', 'u8', 'none'];

/** A collective call, as far as all ranks must agree on it. */
export interface Signature {
  readonly name: CollectiveName;
  readonly op?: ReduceOp;
  readonly dtype: MovedType;
  readonly wire?: Wire;
  /** Elements of the whole, not of one rank's part. */
  readonly length: number;
  readonly root?: number;
  readonly grain?: number;
  /** How data is cut and who meets whom, as a number that differs where these do. */
  readonly layout?: number | undefined;
}

export const signatureBytes = 24;
const none = 0xffff;

/** byte 0 name, 1 operation, 2 type, 3 wire, 4 root (2), 6 zero (2), 8 grain (4), 12 length (8), 20 layout (4); little-endian. */
export function encodeSignature({ name, op, dtype, wire, length, root, grain, layout }: Signature): Uint8Array {
  const view = new DataView(new ArrayBuffer(signatureBytes));
  view.setUint8(0, collectiveNames.indexOf(name));
  view.setUint8(1, ops.indexOf(op ?? 'none'));
  view.setUint8(2, dtypes.indexOf(dtype));
  view.setUint8(3, wires.indexOf(wire ?? 'f32'));
  view.setUint16(4, root ?? none, true);
  view.setUint32(8, grain ?? 1, true);
  view.setFloat64(12, length, true);
  view.setUint32(20, layout ?? 0, true);
  return new Uint8Array(view.buffer);
}

const refusedWords = 'a call that was refused there';

/** A call in words, such as `allReduce(sum of 4096 f32)`; also where the bytes are no call at all. */
function describeSignature(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, signatureBytes);
  const name = collectiveNames[view.getUint8(0)] ?? 'an unknown collective';
  if (name === 'refused') return refusedWords;
  const op = ops[view.getUint8(1)] ?? 'none';
  const dtype = dtypes[view.getUint8(2)] ?? 'none';
  const wire = wires[view.getUint8(3)] ?? 'f32';
  const root = view.getUint16(4, true);
  const grain = view.getUint32(8, true);
  const what = dtype === 'none' ? '' : `${op === 'none' ? '' : `${op} of `}${view.getFloat64(12, true)} ${dtype}`;
  const more = [
    ...(wire === 'f32' ? [] : [`wire ${wire}`]),
    ...(root === none ? [] : [`root ${root}`]),
    ...(grain === 1 ? [] : [`grain ${grain}`]),
  ];
  return `${name}(${[what, ...more].filter((part) => part !== '').join(', ')})`;
}

/** The calls of two ranks that should be one. */
export interface Mismatch {
  /** Which collective of the group it is, from 0. */
  readonly call: number;
  readonly ranks: readonly [number, number];
  readonly signatures: readonly [Uint8Array, Uint8Array];
}

export function isSameSignature(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}

export function mismatchError({ call, ranks, signatures }: Mismatch): MismatchError {
  const [mine, theirs] = signatures.map(describeSignature);
  const hint = hintFor(mine!, theirs!, call);
  return new MismatchError(
    `group: expected the same call on all ranks, got ${mine} on rank ${ranks[0]} and ${theirs} on rank ${ranks[1]}\nhint: ${hint}`,
    ranks,
  );
}

function hintFor(mine: string, theirs: string, call: number): string {
  if (mine === refusedWords || theirs === refusedWords) return 'the rank that refused it says why';
  return mine === theirs
    ? 'shards, ranges, hosts, segmentBytes and algorithm are the same for the group of every rank'
    : `it is collective ${call + 1} of this group; every rank makes the same calls in the same order`;
}
