// What a bench writes down, so that others can read it; README.md explains it, `bench-schema.ts` reads it.
import type { Timer } from './clock.ts';

/** Changes when a reader of the old form could misread, or would not know, what the new one has. */
export const benchSchema = 'lockstep-bench/3' as const;

/** One round of a kernel: its time, and the adapter's ceilings measured just before. */
export interface Round {
  readonly us: number;
  readonly copyGbps: number;
  readonly fmaGflops: number;
}

/** What a row is about. */
export interface RowLabel {
  readonly op: string;
  /** Lengths, as `1024x1024x512`. */
  readonly shape: string;
  readonly dtype: string;
  readonly family: string;
  readonly constants: Readonly<Record<string, number>>;
}

export interface MeasuredRow extends RowLabel {
  readonly status: 'ok';
  /** Median over rounds, microseconds by the file's timer. */
  readonly us: number;
  readonly usP20: number;
  readonly usP80: number;
  /** One run from submit to done, as the host sees it. */
  readonly wallUs: number;
  readonly rounds: readonly Round[];
  /** What other processes took of the machine's processors meanwhile, 0 to 1; on software adapters, from which they take it. */
  readonly others?: number | undefined;
  readonly gflops: number;
  readonly gbps: number;
  /** Which ceiling is the nearer. */
  readonly bound: 'copy' | 'fma';
  /** The share of that ceiling. */
  readonly percent: number;
  /** Why the measurement cannot be right. */
  readonly fault?: string | undefined;
  /** The largest, relative to what the element is made of. */
  readonly maxError: number;
  readonly compileMs: number;
}

/** What was not right has no time. */
export interface UnmeasuredRow extends RowLabel {
  readonly status: 'wrong' | 'failed' | 'timeout';
  readonly message: string;
}

export type KernelRow = MeasuredRow | UnmeasuredRow;

export const longestMessage = 5000;

/** A row without a time; words that are longer than a file may hold are cut. */
export function unmeasuredRow(label: RowLabel, status: UnmeasuredRow['status'], message: string): UnmeasuredRow {
  return { ...label, status, message: message.slice(0, longestMessage) };
}

/** A training step taken apart. */
export interface StepRow {
  readonly name: string;
  readonly shape: string;
  /** A whole step as the host sees it: median, microseconds. */
  readonly us: number;
  /** What the host takes to encode and submit it. */
  readonly hostUs: number;
  /** The sum of its kernels by the GPU's clock. */
  readonly gpuUs: number;
  readonly readbackUs: number;
  readonly dispatches: number;
  readonly submits: number;
  /** Bytes of the device's memory, for the step alone. */
  readonly bytes: number;
  readonly kernels: readonly StepKernel[];
  /** Not in files of `lockstep-bench/1`. */
  readonly roofline?: StepRoofline | undefined;
}

/** All dispatches of a kernel in a step. */
export interface StepKernel {
  readonly kernel: string;
  readonly count: number;
  /** By the GPU's clock, one dispatch after the other. */
  readonly us: number;
  /** What they compute and move at the least; 0 where nobody has counted. Not in files of `lockstep-bench/1`. */
  readonly flops?: number | undefined;
  readonly bytes?: number | undefined;
}

/** By what a step's time can be bound; `host` encodes and submits, `wait` is neither host nor kernels, and reads back. */
export const stepBounds = ['compute', 'memory', 'dispatch', 'host', 'wait'] as const;
export type StepBound = (typeof stepBounds)[number];

/** Where a step lies below what the adapter can do. */
export interface StepRoofline {
  /** Measured in turn with the step's kernels: medians. */
  readonly ceilings: { readonly copyGbps: number; readonly fmaGflops: number };
  /** All kernels in one pass, as a step runs them: microseconds by the GPU's clock. */
  readonly passUs: number;
  /** A dispatch that does nothing. */
  readonly dispatchUs: number;
  /** Microseconds of a step and its read-back; kernels count to the nearer ceiling, less what a dispatch costs. */
  readonly parts: Readonly<Record<StepBound, number>>;
  /** The largest part. */
  readonly bound: StepBound;
  /** What the kernels that count to compute, and to memory, reach. */
  readonly gflops: number;
  readonly gbps: number;
}

export interface BenchFile {
  readonly schema: typeof benchSchema;
  readonly created: string;
  readonly lockstep: string;
  /** Which Node, or which browser, it ran in. */
  readonly node?: string | undefined;
  readonly browser?: string | undefined;
  /** By whose clock the times are. Not in files before `lockstep-bench/3`: there the GPU's, of nanoseconds. */
  readonly timer?: Timer | undefined;
  /** What brings WebGPU, such as `Dawn, webgpu 0.6.2`. Not in files of `lockstep-bench/1`. */
  readonly webgpu?: string | undefined;
  readonly machine: {
    readonly system: string;
    readonly cpu: string;
    readonly cores: number;
    readonly memoryBytes: number;
  };
  readonly adapter: {
    readonly vendor: string;
    readonly architecture: string;
    readonly description: string;
    /** Whether a CPU does its work. */
    readonly software: boolean;
    readonly features: readonly string[];
    /** What is known of its clocks. */
    readonly clocks: string;
  };
  /** Medians over the run. */
  readonly ceilings: {
    readonly copyGbps: number;
    readonly fmaGflops: number;
    /** Products of subgroup matrices, where the adapter has them. */
    readonly matrix?: { readonly form: string; readonly gflops: number } | undefined;
  };
  /** A dispatch that does nothing, among others; 0 where not measured. */
  readonly dispatchUs: number;
  readonly kernels: readonly KernelRow[];
  readonly steps: readonly StepRow[];
  readonly transfers: readonly {
    readonly direction: 'upload' | 'download';
    readonly bytes: number;
    readonly gbps: number;
  }[];
  /** The same task done by others, where they were there. */
  readonly peers: readonly {
    readonly name: string;
    readonly task: string;
    readonly us: number;
    readonly note?: string | undefined;
  }[];
}
