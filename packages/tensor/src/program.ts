// Dispatches over stable buffers, recorded once and encoded as often as wanted: no graph walk, no allocation, no new
// bind group. Whoever records decides what the buffers mean.
import { tensorsIn } from './scope.ts';
import type { Pipeline } from './pipelines.ts';

/** One kernel over bound buffers. */
export interface Dispatch {
  readonly pipeline: Pipeline;
  readonly entries: GPUBindGroupEntry[];
  readonly workgroups: readonly [x: number, y: number, z: number];
}

export interface BoundDispatch {
  readonly kernel: string;
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly workgroups: readonly [x: number, y: number, z: number];
}

/** What a recording gave, ready to run any number of times through {@link Device.submit}. */
export class Program<Result = unknown> {
  /** What the recorded function returned; its tensors stay valid, and are overwritten by each run. */
  readonly result: Result;
  readonly dispatches: readonly BoundDispatch[];

  constructor(result: Result, dispatches: readonly BoundDispatch[]) {
    this.result = result;
    this.dispatches = dispatches;
  }

  /** Encodes the dispatches as one pass. */
  encode(encoder: GPUCommandEncoder): void {
    const pass = encoder.beginComputePass();
    for (const dispatch of this.dispatches) encodeDispatch(pass, dispatch);
    pass.end();
  }

  /** Some of the dispatches, one after another, as a program by itself; it shares their bind groups. */
  slice(from: number, to: number): Program<undefined> {
    return new Program(undefined, this.dispatches.slice(from, to));
  }

  /** Gives the memory of the result back to the device. */
  dispose(): void {
    for (const tensor of tensorsIn(this.result)) tensor.dispose();
  }
}

/** Makes the bind groups of recorded dispatches, whose pipelines are compiled. */
export function bindDispatches(device: GPUDevice, dispatches: readonly Dispatch[]): BoundDispatch[] {
  return dispatches.map(({ pipeline: { kernel, layout, compiled }, entries, workgroups }) => ({
    kernel: kernel.name,
    pipeline: compiled!,
    bindGroup: device.createBindGroup({ label: kernel.name, layout, entries }),
    workgroups,
  }));
}

export function encodeDispatch(pass: GPUComputePassEncoder, { pipeline, bindGroup, workgroups }: BoundDispatch): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...workgroups);
}
