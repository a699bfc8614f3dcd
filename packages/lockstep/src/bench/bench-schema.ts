// How files of a bench are read and written. They come from strangers: whatever does not fit is refused in one line, and nothing of it is
// believed.
import { readJson, replaceFile } from '@lockstep/nn/node';
import { ConfigError } from '@lockstep/trainer';
import { z } from 'zod';
import { type BenchFile, benchSchema, longestMessage, stepBounds } from './bench-file.ts';

/** What is read, too: files from before steps had their place below the ceilings, and from before browsers. */
const olderSchemas = ['lockstep-bench/1', 'lockstep-bench/2'] as const;

const text = z.string().max(500);
/** Counted before its first element is looked at. */
const list = <Item>(item: z.ZodType<Item>, { most, least = 0 }: { most: number; least?: number }): z.ZodType<Item[]> =>
  z.array(z.unknown()).min(least).max(most).pipe(z.array(item));
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
  rounds: list(round, { least: 1, most: 1000 }),
  others: z.number().min(0).max(1).optional(),
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

const microseconds = z.strictObject({ compute: amount, memory: amount, dispatch: amount, host: amount, wait: amount });

const roofline = z.strictObject({
  ceilings: z.strictObject({ copyGbps: amount, fmaGflops: amount }),
  passUs: amount,
  dispatchUs: amount,
  parts: microseconds,
  bound: z.enum(stepBounds),
  gflops: amount,
  gbps: amount,
});

const stepKernel = z.strictObject({
  kernel: text,
  count: whole,
  us: amount,
  flops: amount.optional(),
  bytes: amount.optional(),
});

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
  kernels: list(stepKernel, { most: 10_000 }),
  roofline: roofline.optional(),
});

const file: z.ZodType<BenchFile> = z.strictObject({
  schema: z.enum([benchSchema, ...olderSchemas]).transform(() => benchSchema),
  created: z.iso.datetime(),
  lockstep: text,
  node: text.optional(),
  browser: text.optional(),
  timer: z.strictObject({ of: z.enum(['gpu', 'host']), grainUs: amount }).optional(),
  webgpu: text.optional(),
  machine: z.strictObject({ system: text, cpu: text, cores: whole, memoryBytes: whole }),
  adapter: z.strictObject({
    vendor: text,
    architecture: text,
    description: text,
    software: z.boolean(),
    features: list(text, { most: 200 }),
    clocks: text,
  }),
  ceilings: z.strictObject({
    copyGbps: amount,
    fmaGflops: amount,
    matrix: z.strictObject({ form: text, gflops: amount }).optional(),
  }),
  dispatchUs: amount,
  kernels: list(row, { most: 20_000 }),
  steps: list(step, { most: 1000 }),
  transfers: list(z.strictObject({ direction: z.enum(['upload', 'download']), bytes: whole, gbps: amount }), {
    most: 1000,
  }),
  peers: list(z.strictObject({ name: text, task: text, us: amount, note: text.optional() }), { most: 10_000 }),
});

export async function writeBenchFile(path: string, content: BenchFile): Promise<void> {
  await replaceFile(path, (target) => target.writeFile(`${JSON.stringify(content)}\n`));
}

/** Bytes. */
export const largestBenchFile: number = 16 * 2 ** 20;
/** Characters of what is said of a file: names in it may be as long as it is. */
const longestComplaint = 200;

/** @throws {ConfigError} for a file that cannot be read, or is none of a bench: one line that says what is wrong, and where. */
export async function readBenchFile(path: string): Promise<BenchFile> {
  const value = await readJson(path, { what: kind, limit: largestBenchFile, error: ConfigError });
  return expectBenchFile(value, path);
}

const kind = 'a file of `lockstep bench … --json`';

/** @param from where it comes from, for the error @throws {ConfigError} for what is no file of a bench */
export function expectBenchFile(value: unknown, from: string): BenchFile {
  const parsed = file.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const [message, where] = [issue!.message, issue!.path.join('.') || 'the top'].map(cut);
  throw new ConfigError(`${from}: expected ${kind}, got ${message} at ${where}`);
}

const cut = (words: string): string =>
  words.length <= longestComplaint ? words : `${words.slice(0, longestComplaint - 1)}…`;
