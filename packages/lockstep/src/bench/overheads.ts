// What everything costs beside the work itself: a dispatch, and bytes that go to the device and come back.
import { type Device, kernel } from '@lockstep/tensor';
import type { BenchFile } from './bench-file.ts';
import type { Clock } from './clock.ts';
import { median } from './statistics.ts';

const nothing = kernel(
  `struct Params { size: u32 }
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(32)
fn main(@builtin(global_invocation_id) id: vec3u) { if (id.x >= params.size) { x[id.x] = 0.0; } }`,
  { name: 'nothing' },
);

const dispatches = 500;
/** A loss and its like, a bucket of gradients, and what is large enough for its bandwidth alone to count. */
const sizes = [4096, 2 ** 20, 32 * 2 ** 20];

export async function measureOverheads(
  device: Device,
  clock: Clock,
): Promise<Pick<BenchFile, 'dispatchUs' | 'transfers'>> {
  const transfers: BenchFile['transfers'][number][] = [];
  for (const bytes of sizes) transfers.push(...(await measureTransfers(device, bytes)));
  return { dispatchUs: await measureDispatch(device, clock), transfers };
}

/** Microseconds of a dispatch that does nothing, among others. */
export async function measureDispatch(device: Device, clock: Clock): Promise<number> {
  const x = device.tensor(new Float32Array(32));
  const program = await device.capture(() => {
    for (let i = 0; i < dispatches; i++) device.run(nothing, { x }, { size: 32 }, [1]);
  });
  await device.submit([program]);
  const dispatchUs = (1000 * (await clock.time(program, await clock.repeatsFor(program)))) / dispatches;
  x.dispose();
  return dispatchUs;
}

/** Both ways, by the host's clock: medians of nine. */
async function measureTransfers(device: Device, bytes: number): Promise<BenchFile['transfers']> {
  const data = new Float32Array(bytes / 4);
  const x = device.tensor(data);
  const [up, down]: [number[], number[]] = [[], []];
  for (let round = 0; round < 9; round++) {
    const start = performance.now();
    device.upload(x, data);
    await device.submit([]);
    await device.gpu.queue.onSubmittedWorkDone();
    up.push(performance.now() - start);
    const back = performance.now();
    await x.read();
    down.push(performance.now() - back);
  }
  x.dispose();
  const gbps = (times: readonly number[]): number => bytes / median(times) / 1e6;
  return [
    { direction: 'upload', bytes, gbps: gbps(up) },
    { direction: 'download', bytes, gbps: gbps(down) },
  ];
}

/** What small copies take, and how fast the largest go. */
export function overheadLine({ dispatchUs, transfers }: BenchFile): string {
  const words = sizes.map((bytes) => {
    const own = transfers.filter((one) => one.bytes === bytes);
    const of = (direction: string): number => own.find((one) => one.direction === direction)?.gbps ?? NaN;
    const [up, down] = [of('upload'), of('download')];
    if (bytes === sizes.at(-1))
      return `${bytes / 2 ** 20} MiB go up at ${up.toPrecision(3)} and come back at ${down.toPrecision(3)} GB/s`;
    return `${bytes / 1024} KiB in ${msOf(bytes, up)} and ${msOf(bytes, down)} ms`;
  });
  return `${dispatchUs.toFixed(2)} µs a dispatch; ${words.toReversed().join(', ')}`;
}

const msOf = (bytes: number, gbps: number): string => (bytes / gbps / 1e6).toPrecision(2);
