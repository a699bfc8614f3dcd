// What an adapter can do at best, measured: bytes that are copied, and multiplications with additions that depend on nothing but
// themselves.
import { type Device, kernel } from '@lockstep/tensor';
import type { KernelRow } from './bench-file.ts';
import { Clock } from './clock.ts';
import { multiplyAdds, type Work } from './multiply-adds.ts';
import { median } from './statistics.ts';

export interface Ceilings {
  /** Bytes read and written, in 10⁹ a second. */
  readonly copyGbps: number;
  /** Multiplications and additions of f32, in 10⁹ a second. */
  readonly fmaGflops: number;
}

/** Elements of four numbers that a workgroup copies. */
const quadsEach = 512;

const copy = kernel(
  `struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4f>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.x + group.y * groups.x) * ${quadsEach}u + lane;
  for (var item = first; item < min(first + ${quadsEach}u, params.size); item += 64u) { y[item] = x[item]; }
}`,
  { name: 'copyCeiling' },
);

/** A device of unknown size is given more work until it takes so long, or this much. */
const longMs = 2;
const mostQuads = 2 ** 23;
const mostLanes = 2 ** 18;

/** Measures an adapter's ceilings again and again. */
export class CeilingProbe {
  readonly clock: Clock;
  /** Milliseconds of work until clocks have risen, at first and after a pause: a CPU's need none to speak of. */
  readonly #warmUps: { readonly first: number; readonly again: number };
  readonly #copy: Sized;
  readonly #fma: Sized;

  private constructor({ facts }: Device, clock: Clock, [copied, multiplied]: readonly [Sized, Sized]) {
    this.clock = clock;
    this.#warmUps = facts.isCpu ? { first: 100, again: 0 } : { first: 500, again: 200 };
    this.#copy = copied;
    this.#fma = multiplied;
  }

  /** Resolves when the adapter's clocks have risen. */
  static async create(device: Device): Promise<CeilingProbe> {
    const clock = await Clock.open(device);
    const copied = await grown(clock, { from: 2 ** 20, to: mostQuads, make: (quads) => copies(device, quads) });
    const multiplied = await grown(clock, {
      from: 2 ** 11,
      to: mostLanes,
      make: (lanes) => multiplyAdds(device, lanes),
    });
    const probe = new CeilingProbe(device, clock, [copied, multiplied]);
    await probe.#keepAtWork(probe.#warmUps.first);
    return probe;
  }

  /** Where others are at work, or clocks move, ceilings move with the kernels measured beside them. */
  async measure(): Promise<Ceilings> {
    const copyMs = await this.clock.time(this.#copy.program, this.#copy.repeats);
    const fmaMs = await this.clock.time(this.#fma.program, this.#fma.repeats);
    return { copyGbps: this.#copy.bytes / copyMs / 1e6, fmaGflops: this.#fma.flops / fmaMs / 1e6 };
  }

  /** While inputs were made and results compared, clocks may have fallen. */
  async warmAgain(): Promise<void> {
    await this.#keepAtWork(this.#warmUps.again);
  }

  /** Gives the device its memory back. */
  dispose(): void {
    this.#copy.dispose();
    this.#fma.dispose();
  }

  async #keepAtWork(ms: number): Promise<void> {
    for (const end = performance.now() + ms; performance.now() < end;) await this.measure();
  }
}

/** Work that is large enough for its adapter, and how often it runs in a pass. */
interface Sized extends Work {
  readonly repeats: number;
}

interface Growth {
  readonly from: number;
  readonly to: number;
  readonly make: (size: number) => Promise<Work>;
}

/** The least work that an adapter takes long for: a phone's has neither the memory nor the time for what fills a large one. */
async function grown(clock: Clock, { from, to, make }: Growth): Promise<Sized> {
  for (let size = from; ; size *= 2) {
    const work = await make(size);
    const repeats = await clock.repeatsFor(work.program);
    if (size >= to || (await clock.time(work.program, repeats)) >= longMs) return { ...work, repeats };
    work.dispose();
  }
}

async function copies(device: Device, quads: number): Promise<Work> {
  const [x, y] = [device.empty([4 * quads]), device.empty([4 * quads])];
  device.fill(x, 0);
  await device.submit([]);
  const program = await device.capture(() =>
    device.run(copy, { x, y }, { size: quads }, device.grid(quads / quadsEach)),
  );
  await device.submit([program]);
  const dispose = (): void => {
    program.dispose();
    x.dispose();
    y.dispose();
  };
  return { program, flops: 0, bytes: x.byteLength + y.byteLength, dispose };
}

/** Medians over all rounds of all rows; undefined where nothing was timed. */
export function ceilingsOf(rows: readonly KernelRow[]): Ceilings | undefined {
  const rounds = rows.flatMap((row) => (row.status === 'ok' ? row.rounds : []));
  if (rounds.length === 0) return undefined;
  const of = (name: keyof Ceilings): number => median(rounds.map((round) => round[name]));
  return { copyGbps: of('copyGbps'), fmaGflops: of('fmaGflops') };
}
