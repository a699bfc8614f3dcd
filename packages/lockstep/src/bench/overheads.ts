// What everything costs beside the work itself: a dispatch, and bytes that go to the device and come back.
import { type Device, kernel, time } from '@lockstep/tensor';
import type { BenchFile } from './bench-file.ts';
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
const bytes = 32 * 2 ** 20;

export async function measureOverheads(device: Device): Promise<Pick<BenchFile, 'dispatchUs' | 'transfers'>> {
  const x = device.tensor(new Float32Array(32));
  const program = await device.capture(() => {
    for (let i = 0; i < dispatches; i++) device.run(nothing, { x }, { size: 32 }, [1]);
  });
  await device.submit([program]);
  const dispatchUs = (1000 * (await time(device, program))) / dispatches;
  x.dispose();
  return { dispatchUs, transfers: await transfers(device) };
}

async function transfers(device: Device): Promise<BenchFile['transfers']> {
  const data = new Float32Array(bytes / 4);
  const x = device.tensor(data);
  const [up, down]: [number[], number[]] = [[], []];
  for (let round = 0; round < 5; round++) {
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

export function overheadLine({ dispatchUs, transfers: all }: BenchFile): string {
  const of = (direction: string): string => (all.find((one) => one.direction === direction)?.gbps ?? 0).toPrecision(3);
  return `${dispatchUs.toFixed(2)} µs a dispatch; ${bytes / 2 ** 20} MiB go up at ${of('upload')} and come back at ${of('download')} GB/s`;
}
