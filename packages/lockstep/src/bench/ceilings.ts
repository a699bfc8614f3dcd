// What an adapter can do at best, measured: bytes that are copied, and multiplications with additions that depend on nothing but
// themselves. Every result is stored, so that no compiler leaves anything out.
import { type Device, kernel, type Program, type Tensor, time } from '@lockstep/tensor';
import type { KernelRow } from './bench-file.ts';
import { median } from './statistics.ts';

export interface Ceilings {
  /** Bytes read and written, in 10⁹ a second. */
  readonly copyGbps: number;
  /** Multiplications and additions of f32, in 10⁹ a second. */
  readonly fmaGflops: number;
}

const copy = kernel(
  `struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.x + group.y * groups.x) * 512u + lane;
  for (var item = first; item < min(first + 512u, params.size); item += 64u) { y[item] = x[item]; }
}`,
  { name: 'copyCeiling' },
);

/** Sixteen chains of four numbers each: enough for any pipeline's depth. */
const chains = 16;
const fma = kernel(
  `struct Params { rounds: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = vec4f(0.999 + f32(id.x % 7u) * 1e-4);
  ${Array.from({ length: chains }, (_, i) => `var v${i} = vec4f(f32(id.x + ${i}u));`).join('\n  ')}
  for (var round = 0u; round < params.rounds; round++) {
    ${Array.from({ length: chains }, (_, i) => `v${i} = fma(v${i}, a, a);`).join('\n    ')}
  }
  ${Array.from({ length: chains }, (_, i) => `y[id.x * ${chains}u + ${i}u] = v${i};`).join('\n  ')}
}`,
  { name: 'fmaCeiling' },
);

/** Measures an adapter's ceilings again and again. */
export class CeilingProbe {
  readonly #device: Device;
  readonly #copy: Program;
  readonly #fma: Program;
  readonly #tensors: readonly Tensor[];
  readonly #bytes: number;
  readonly #flops: number;

  private constructor(device: Device, { copied, multiplied, tensors }: Work, sizes: Sizes) {
    this.#device = device;
    this.#copy = copied;
    this.#fma = multiplied;
    this.#tensors = tensors;
    this.#bytes = 2 * 16 * sizes.quads;
    this.#flops = 2 * 4 * chains * sizes.rounds * sizes.lanes;
  }

  /** Resolves when the adapter's clocks have risen. */
  static async create(device: Device): Promise<CeilingProbe> {
    const sizes = device.facts.isCpu
      ? { quads: 2 ** 20, lanes: 2 ** 11, rounds: 1024 }
      : { quads: 2 ** 23, lanes: 2 ** 18, rounds: 1024 };
    const x = device.tensor(new Float32Array(4 * sizes.quads), [4 * sizes.quads]);
    const y = device.tensor(new Float32Array(4 * sizes.quads), [4 * sizes.quads]);
    const copied = await device.capture(() =>
      device.run(copy, { x, y }, { size: sizes.quads }, device.grid(sizes.quads / 512)),
    );
    const z = device.tensor(new Float32Array(4 * chains * sizes.lanes), [4 * chains * sizes.lanes]);
    const multiplied = await device.capture(() =>
      device.run(fma, { y: z }, { rounds: sizes.rounds }, [sizes.lanes / 64]),
    );
    const probe = new CeilingProbe(device, { copied, multiplied, tensors: [x, y, z] }, sizes);
    await probe.#keepAtWork(device.facts.isCpu ? 100 : 500);
    return probe;
  }

  /** Where others are at work, or clocks move, ceilings move with the kernels measured beside them. */
  async measure(): Promise<Ceilings> {
    const repeats = this.#device.facts.isCpu ? 1 : 8;
    const copyMs = await time(this.#device, this.#copy, repeats);
    const fmaMs = await time(this.#device, this.#fma, repeats);
    return { copyGbps: this.#bytes / copyMs / 1e6, fmaGflops: this.#flops / fmaMs / 1e6 };
  }

  /** While inputs were made and results compared, clocks may have fallen. */
  async warmAgain(): Promise<void> {
    await this.#keepAtWork(this.#device.facts.isCpu ? 0 : 200);
  }

  /** Gives the device its memory back. */
  dispose(): void {
    for (const tensor of this.#tensors) tensor.dispose();
  }

  async #keepAtWork(ms: number): Promise<void> {
    for (const end = performance.now() + ms; performance.now() < end;) await this.measure();
  }
}

/** Medians over all rounds of all rows; undefined where nothing was timed. */
export function ceilingsOf(rows: readonly KernelRow[]): Ceilings | undefined {
  const rounds = rows.flatMap((row) => (row.status === 'ok' ? row.rounds : []));
  if (rounds.length === 0) return undefined;
  const of = (name: keyof Ceilings): number => median(rounds.map((round) => round[name]));
  return { copyGbps: of('copyGbps'), fmaGflops: of('fmaGflops') };
}

interface Work {
  readonly copied: Program;
  readonly multiplied: Program;
  /** What they read and write. */
  readonly tensors: readonly Tensor[];
}

interface Sizes {
  readonly quads: number;
  readonly lanes: number;
  readonly rounds: number;
}
