// A training step taken apart: what the host does, what each kernel takes, what comes back.
import { createGroup, memoryBridge } from '@lockstep/collectives';
import { type Device, type DispatchTime, profile, Program, type Tensor, time } from '@lockstep/tensor';
import { type BatchArrays, Replica, type ReplicaOptions } from '@lockstep/trainer';
import type { StepKernel, StepRow } from '../bench-file.ts';
import type { CeilingProbe, Ceilings } from '../ceilings.ts';
import { measureDispatch } from '../overheads.ts';
import { median } from '../statistics.ts';
import { stepRoofline } from './step-roofline.ts';

/** A step to be measured. */
export interface StepOrder extends Pick<ReplicaOptions, 'model' | 'facts' | 'loss' | 'optimizer' | 'shape'> {
  readonly name: string;
  /** What it is of, in words. */
  readonly of: string;
  /** Its rows, all of them. */
  readonly rows: BatchArrays;
}

/** Measures steps as training takes them on one device: forward, backward, norm and update. */
export async function measureStep(
  device: Device,
  order: StepOrder,
  { steps, probe }: { steps: number; probe: CeilingProbe },
): Promise<StepRow> {
  const before = device.stats.bytes;
  const { program, norm } = await captureStep(device, order);
  const times = await timed(device, program, { steps, read: norm, probe });
  return { name: order.name, shape: order.of, bytes: device.stats.bytes - before, ...times };
}

/** A whole step as a program, and what the host reads of it. */
export async function captureStep(device: Device, order: StepOrder): Promise<{ program: Program; norm: Tensor }> {
  const group = createGroup(memoryBridge(1).transports[0]!, { shards: order.shape.shards });
  const replica = await Replica.create({ ...order, device, group, seed: 1 });
  const { programs, norm } = replica.prepare({ step: 0, seed: 1, learningRate: 1e-4, batch: () => order.rows });
  return {
    program: new Program(
      undefined,
      programs.flatMap(({ dispatches }) => dispatches),
    ),
    norm,
  };
}

async function timed(
  device: Device,
  program: Program,
  { steps, read, probe }: { steps: number; read: Tensor; probe: CeilingProbe },
): Promise<Omit<StepRow, 'name' | 'shape' | 'bytes'>> {
  const done = (): Promise<unknown> => device.gpu.queue.onSubmittedWorkDone();
  await device.submit([program]);
  await done();
  const times = { whole: [] as number[], host: [] as number[], read: [] as number[] };
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    const encoder = device.gpu.createCommandEncoder();
    program.encode(encoder);
    device.gpu.queue.submit([encoder.finish()]);
    times.host.push(performance.now() - start);
    await done();
    times.whole.push(performance.now() - start);
  }
  for (let step = 0; step < steps; step++) {
    const start = performance.now();
    await device.submit([read]);
    times.read.push(performance.now() - start);
  }
  const us = (values: readonly number[]): number => 1000 * median(values);
  const own = { us: us(times.whole), hostUs: us(times.host), readbackUs: us(times.read) };
  const { dispatches, ...known } = await byDispatch(device, program, probe);
  const kernels = byKernel(dispatches);
  return {
    ...own,
    gpuUs: kernels.reduce((sum, one) => sum + one.us, 0),
    dispatches: dispatches.length,
    submits: 1,
    kernels,
    roofline: stepRoofline(dispatches, { ...own, ...known }),
  };
}

interface DispatchTimes {
  readonly dispatches: readonly DispatchTime[];
  readonly passUs: number;
  readonly dispatchUs: number;
  readonly ceilings: Ceilings;
}

/** What each dispatch takes when nothing overlaps, and all of them in one pass, in turn with the ceilings: medians over five runs. */
async function byDispatch(device: Device, program: Program, probe: CeilingProbe): Promise<DispatchTimes> {
  const [runs, passes, ceilings, nothing]: [DispatchTime[][], number[], Ceilings[], number[]] = [[], [], [], []];
  for (let run = 0; run < 5; run++) {
    ceilings.push(await probe.measure());
    nothing.push(await measureDispatch(device, probe.clock));
    runs.push(await profile(device, program));
    passes.push(await time(device, program));
  }
  return {
    dispatches: runs[0]!.map((one, i) => ({ ...one, ms: median(runs.map((run) => run[i]!.ms)) })),
    passUs: 1000 * median(passes),
    dispatchUs: median(nothing),
    ceilings: {
      copyGbps: median(ceilings.map(({ copyGbps }) => copyGbps)),
      fmaGflops: median(ceilings.map(({ fmaGflops }) => fmaGflops)),
    },
  };
}

/** What each kernel takes of a step, the most expensive first. */
function byKernel(dispatches: readonly DispatchTime[]): StepKernel[] {
  const names = [...new Set(dispatches.map(({ kernel }) => kernel))];
  return names
    .map((kernel) => {
      const own = dispatches.filter((one) => one.kernel === kernel);
      const total = (of: (one: DispatchTime) => number): number => own.reduce((sum, one) => sum + of(one), 0);
      const [us, flops, bytes] = [
        total(({ ms }) => 1000 * ms),
        total(({ work }) => work.flops),
        total(({ work }) => work.bytes),
      ];
      return { kernel, count: own.length, us, flops, bytes };
    })
    .toSorted((a, b) => b.us - a.us);
}
