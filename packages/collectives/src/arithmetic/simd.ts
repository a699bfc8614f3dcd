// The compiled kernels of simd/kernels.ts over arrays, wherever these lie: in the arena they are used in place; others
// go through it a piece at a time, which still beats a plain loop (measured in bench/arithmetic.ts).

import { arena, type Arena, bounceBytes } from './arena.ts';
import { sharedBytes, unsharedBytes } from './simd-bytes.ts';

type Binary = (out: number, a: number, b: number, units: number) => void;
type Convert = (out: number, a: number, units: number) => void;
type Divide = (out: number, a: number, divisor: number, units: number) => void;

interface Kernels {
  readonly copy: (out: number, a: number, bytes: number) => void;
  readonly [name: `sum${string}` | `max${string}` | `min${string}`]: Binary;
  readonly [name: `encode${string}` | `decode${string}`]: Convert;
  readonly [name: `divide${string}`]: Divide;
}

export type BinaryName = `${'sum' | 'max' | 'min'}${'F32' | 'I32' | 'Bf16' | 'F16'}` | 'sumInt8';
export type ConvertName = `${'encode' | 'decode'}${'Bf16' | 'Int8'}`;
export type DivideName = `divide${'F32' | 'Bf16' | 'F16'}`;

let instance: Kernels | undefined;

function kernels(arena: Arena): Kernels {
  return (instance ??= instantiate(arena));
}

function instantiate({ memory, isShared, work }: Arena): Kernels {
  const module = compile(isShared ? sharedBytes : unsharedBytes);
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports['work'] as WebAssembly.Global).value = work;
  return exports as unknown as Kernels;
}

function compile(base64: string): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
}

/** An array and how many bytes of it belong to one unit of the work. */
interface Operand {
  readonly bytes: Uint8Array;
  readonly unitBytes: number;
  /** Whether the kernel reads it, or writes it. */
  readonly role: 'in' | 'out';
}

/** Calls `work` with addresses of all operands, once for the whole or piece by piece. */
function overPieces(units: number, operands: readonly Operand[], work: (at: number[], units: number) => void): void {
  const far = operands.filter(({ bytes }) => !arena().holds(bytes));
  if (far.length === 0) return work(addresses(operands, 0), units);
  const step = Math.floor(bounceBytes / Math.max(...operands.map(({ unitBytes }) => unitBytes)) / 4) * 4;
  for (let done = 0; done < units; done += step) {
    const here = Math.min(step, units - done);
    const at = addresses(operands, done);
    const pieces = far.map((operand) => bounced(operand, at[operands.indexOf(operand)]!, done, here));
    for (const { role, piece, bounce } of pieces) if (role === 'in') bounce.set(piece);
    work(at, here);
    for (const { role, piece, bounce } of pieces) if (role === 'out') piece.set(bounce);
  }
}

function addresses(operands: readonly Operand[], done: number): number[] {
  const { bounces } = arena();
  return operands.map(({ bytes, unitBytes }, i) =>
    arena().holds(bytes) ? bytes.byteOffset + done * unitBytes : bounces[i]!,
  );
}

/** A piece of an array, and the memory that stands in for it. */
function bounced(
  { bytes, unitBytes, role }: Operand,
  at: number,
  done: number,
  units: number,
): Pick<Operand, 'role'> & { piece: Uint8Array; bounce: Uint8Array } {
  const piece = bytes.subarray(done * unitBytes, (done + units) * unitBytes);
  return { role, piece, bounce: new Uint8Array(arena().memory.buffer, at, piece.length) };
}

/** out = a ∘ b, unit by unit; `out` may be `a` or `b`. */
export function combine(name: BinaryName, unitBytes: number, out: Uint8Array, a: Uint8Array, b: Uint8Array): void {
  const kernel = kernels(arena())[name] as Binary;
  const operands: Operand[] = [
    { bytes: out, unitBytes, role: 'out' },
    { bytes: a, unitBytes, role: 'in' },
    { bytes: b, unitBytes, role: 'in' },
  ];
  overPieces(out.length / unitBytes, operands, ([o, x, y], units) => kernel(o!, x!, y!, units));
}

/** `out.set(a, offset)`, and faster where both lie in the arena. */
export function copy(out: Uint8Array, a: Uint8Array, offset = 0): void {
  if (!arena().holds(out) || !arena().holds(a)) return out.set(a, offset);
  if (offset + a.length > out.length) throw new RangeError('copy: offset is out of bounds');
  kernels(arena()).copy(out.byteOffset + offset, a.byteOffset, a.length);
}

/** data = data / divisor. */
export function divide(name: DivideName, unitBytes: number, data: Uint8Array, divisor: number): void {
  const kernel = kernels(arena())[name] as Divide;
  const operands: Operand[] = [
    { bytes: data, unitBytes, role: 'out' },
    { bytes: data, unitBytes, role: 'in' },
  ];
  overPieces(data.length / unitBytes, operands, ([o, x], units) => kernel(o!, x!, divisor, units));
}

/** Between `length` f32 and blocks: each block stands for `elements` of them, the last for what is left. */
export function convert(
  name: ConvertName,
  block: { readonly elements: number; readonly bytes: number },
  out: Uint8Array,
  a: Uint8Array,
  length: number,
): void {
  const kernel = kernels(arena())[name] as Convert;
  const isEncoding = name.startsWith('encode');
  const wide = 4 * block.elements;
  const operands: Operand[] = [
    { bytes: out, unitBytes: isEncoding ? block.bytes : wide, role: 'out' },
    { bytes: a, unitBytes: isEncoding ? wide : block.bytes, role: 'in' },
  ];
  let left = length;
  overPieces(Math.ceil(length / block.elements), operands, ([o, x], units) => {
    const here = Math.min(left, units * block.elements);
    kernel(o!, x!, here);
    left -= here;
  });
}
