// What a bench writes down, so that others can read it: its schema, which README.md explains, and how a file is read. Files come from
// strangers: whatever does not fit is refused in one line, and nothing of it is believed.
import { readFile, stat } from 'node:fs/promises';
import { replaceFile } from '@lockstep/nn/node';
import { ConfigError } from '@lockstep/trainer';
import { z } from 'zod';

/** Changes when a reader of the old form could misread the new one. */
export const benchSchema = 'lockstep-bench/1' as const;

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
  /** Median over rounds, microseconds by the GPU's clock. */
  readonly us: number;
  readonly usP20: number;
  readonly usP80: number;
  /** One run from submit to done, as the host sees it. */
  readonly wallUs: number;
  readonly rounds: readonly Round[];
  readonly gflops: number;
  readonly gbps: number;
  /** Which ceiling is the nearer. */
  readonly bound: 'copy' | 'fma';
  /** Of that ceiling. */
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

const longestMessage = 5000;

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
  /** Of the device's memory, for the step alone. */
  readonly bytes: number;
  readonly kernels: readonly { readonly kernel: string; readonly count: number; readonly us: number }[];
}

export interface BenchFile {
  readonly schema: typeof benchSchema;
  readonly created: string;
  readonly lockstep: string;
  readonly node: string;
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
  readonly ceilings: { readonly copyGbps: number; readonly fmaGflops: number };
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

const text = z.string().max(500);
const amount = z.number().finite().min(0).max(1e18);
const whole = z
  .number()
  .int()
  .min(0)
  .max(2 ** 40);

const round = z.strictObject({ us: amount, copyGbps: amount, fmaGflops: amount });

const measured = z.strictObject({
  status: z.literal('ok'),
  us: amount,
  usP20: amount,
  usP80: amount,
  wallUs: amount,
  rounds: z.array(round).min(1).max(1000),
  gflops: amount,
  gbps: amount,
  bound: z.enum(['copy', 'fma']),
  percent: amount,
  fault: text.optional(),
  maxError: amount,
  compileMs: amount,
});

const unmeasured = z.strictObject({
  status: z.enum(['wrong', 'failed', 'timeout']),
  message: z.string().max(longestMessage),
});

const what = {
  op: text,
  shape: text,
  dtype: text,
  family: text,
  constants: z.record(text, z.number()).refine((all) => Object.keys(all).length <= 100, 'at most 100 constants'),
};

const row = z.discriminatedUnion('status', [measured.extend(what), unmeasured.extend(what)]);

const step = z.strictObject({
  name: text,
  shape: text,
  us: amount,
  hostUs: amount,
  gpuUs: amount,
  readbackUs: amount,
  dispatches: whole,
  submits: whole,
  bytes: whole,
  kernels: z.array(z.strictObject({ kernel: text, count: whole, us: amount })).max(10_000),
});

const file: z.ZodType<BenchFile> = z.strictObject({
  schema: z.literal(benchSchema),
  created: z.iso.datetime(),
  lockstep: text,
  node: text,
  machine: z.strictObject({ system: text, cpu: text, cores: whole, memoryBytes: whole }),
  adapter: z.strictObject({
    vendor: text,
    architecture: text,
    description: text,
    software: z.boolean(),
    features: z.array(text).max(200),
    clocks: text,
  }),
  ceilings: z.strictObject({ copyGbps: amount, fmaGflops: amount }),
  dispatchUs: amount,
  kernels: z.array(row).max(100_000),
  steps: z.array(step).max(1000),
  transfers: z
    .array(z.strictObject({ direction: z.enum(['upload', 'download']), bytes: whole, gbps: amount }))
    .max(1000),
  peers: z.array(z.strictObject({ name: text, task: text, us: amount, note: text.optional() })).max(10_000),
});

export async function writeBenchFile(path: string, content: BenchFile): Promise<void> {
  await replaceFile(path, (target) => target.writeFile(`${JSON.stringify(content)}\n`));
}

const largestFile = 64 * 2 ** 20;

/** @throws {ConfigError} for a file that cannot be read, or is none of a bench: one line that says what is wrong, and where. */
export async function readBenchFile(path: string): Promise<BenchFile> {
  const refuse = (got: string): never => {
    throw new ConfigError(`${path}: expected a file of \`lockstep bench … --json\`, got ${got}`);
  };
  const found = await stat(path).catch(() => refuse('nothing that can be read'));
  if (!found.isFile()) refuse('no file');
  if (found.size > largestFile) refuse(`${found.size} bytes, more than ${largestFile}`);
  return parseBenchFile(await readFile(path, 'utf8'), refuse);
}

function parseBenchFile(content: string, refuse: (got: string) => never): BenchFile {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    refuse('no JSON');
  }
  const parsed = file.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  return refuse(`${issue!.message} at ${issue!.path.join('.') || 'the top'}`);
}
