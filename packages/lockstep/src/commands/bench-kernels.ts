// `lockstep bench kernels`: how fast the adapter's kernels are, and how far below what it could do.
import type { Device } from '@lockstep/tensor';
import { openDevice } from '@lockstep/tensor/node';
import { ConfigError } from '@lockstep/trainer';
import type { BenchFile } from '../bench/bench-file.ts';
import { writeBenchFile } from '../bench/bench-schema.ts';
import { ceilingsOf } from '../bench/ceilings.ts';
import { Clock } from '../bench/clock.ts';
import { emptyBenchFile } from '../bench/environment.ts';
import { benchedOps } from '../bench/kernels/benched-ops.ts';
import { benchedOp } from '../bench/kernels/case-of.ts';
import { casesOfStep } from '../bench/kernels/cases-of-step.ts';
import { measureDespiteFailures } from '../bench/kernels/despite-failures.ts';
import { startChild } from '../bench/kernels/in-children.ts';
import type { WantedRow } from '../bench/kernels/kernels-order.ts';
import { benchHeading, kernelTable } from '../bench/kernels/table.ts';
import { allOps, casesOf, type NamedCase, wantedRows } from '../bench/kernels/wanted-rows.ts';
import { measureMatrixCeiling } from '../bench/matrix-ceiling.ts';
import { measureOverheads, overheadLine } from '../bench/overheads.ts';
import { captureStep, type StepOrder } from '../bench/step/measure-step.ts';
import { orderOfRun } from '../bench/step/order-of-run.ts';
import { rerunWithoutChatter } from '../launch/driver-chatter.ts';
import { say } from '../console/say.ts';
import { version } from '../job/versions.ts';

export interface BenchKernelsOptions {
  readonly op?: readonly string[];
  readonly family?: readonly string[];
  readonly dtype?: 'f32' | 'f16';
  readonly shapes?: readonly string[];
  /** File of a run, at whose step's sizes ops are measured. */
  readonly run?: string;
  readonly rounds: number;
  /** Seconds. */
  readonly deadline: number;
  readonly json?: string;
  /** Whether a browser is to measure, and where a web server's files are to be written for it. */
  readonly browser?: boolean;
  readonly out?: string;
}

export async function benchKernelsCommand(options: BenchKernelsOptions): Promise<void> {
  const ops = expectOps(options);
  // Only a device of this process chatters.
  if ((!options.browser || options.run !== undefined) && (await rerunWithoutChatter())) return;
  if (options.browser) return inBrowser(ops, options);
  const step = options.run === undefined ? undefined : await orderOfRun(options.run);
  const device = await openDevice();
  const { wanted, empty } = await lookAround(device, { ...options, ops, step }).finally(() => device.close());
  const matrix = empty.adapter.software ? undefined : await measureMatrixCeiling();
  const { rounds, deadline } = options;
  const kernels = await measureDespiteFailures({ wanted, rounds }, { start: startChild, deadline });
  const ceilings = { ...empty.ceilings, ...ceilingsOf(kernels), ...(matrix && { matrix }) };
  await giveFile({ ...empty, ceilings, kernels }, options);
}

/** Prints a file, and writes it where that is wanted. */
async function giveFile(file: BenchFile, { json }: { readonly json?: string }): Promise<void> {
  say(process.stdout, `${benchHeading(file)}\n${overheadLine(file)}\n\n${kernelTable(file.kernels)}`);
  if (json) await writeBenchFile(json, file);
  if (file.kernels.some(({ status }) => status === 'wrong')) process.exitCode = 1;
}

/** Writes the page for any web server, or serves it here until it has given a file, where one is wanted. */
async function inBrowser(ops: readonly string[], options: BenchKernelsOptions): Promise<void> {
  const { buildPage, servePage, writePage } = await import('../bench/browser/serve-page.ts');
  const { family, dtype, rounds, deadline, out, json } = options;
  const isChosen = options.op !== undefined || options.run !== undefined;
  const cases = isChosen ? await casesFor(ops, options) : undefined;
  const wishes = { lockstep: version, rounds, deadline, cases, family, dtype, deliver: out === undefined };
  const page = await buildPage(wishes);
  if (out !== undefined) {
    await writePage(page, out);
    return say(
      process.stdout,
      `${out}: ${[...page.keys()].join(', ')}, for any web server; a phone needs one with https`,
    );
  }
  for await (const file of servePage(page, (url) =>
    say(process.stdout, `${url}\nopen it in a browser; Ctrl-C ends this`),
  )) {
    await giveFile(file, options);
    if (json !== undefined) return;
  }
}

async function casesFor(ops: readonly string[], { run, shapes }: BenchKernelsOptions): Promise<NamedCase[]> {
  if (run === undefined) return casesOf(ops, shapes);
  const step = await orderOfRun(run);
  const device = await openDevice();
  return ofStep(device, step, ops).finally(() => device.close());
}

type Wishes = BenchKernelsOptions & { readonly ops: readonly string[]; readonly step: StepOrder | undefined };

/** What is to be measured here, and what is known of the adapter. */
async function lookAround(device: Device, wishes: Wishes): Promise<{ wanted: WantedRow[]; empty: BenchFile }> {
  const { step, ops, shapes } = wishes;
  const named = step ? await ofStep(device, step, ops) : casesOf(ops, shapes);
  const wanted = wantedRows(device, named, wishes);
  const clock = await Clock.open(device);
  const empty = { ...(await emptyBenchFile(device)), timer: clock.timer };
  return { wanted, empty: { ...empty, ...(await measureOverheads(device, clock)) } };
}

/** @throws {ConfigError} for ops that there are not, and options that go not together */
function expectOps({ op, shapes, run, dtype, deadline, browser, out, json }: BenchKernelsOptions): readonly string[] {
  if (deadline === 0) throw new ConfigError('bench kernels: expected --deadline to be above 0, got 0');
  for (const name of op ?? []) benchedOp(name);
  if (out !== undefined && !browser) throw new ConfigError('bench kernels: expected --browser beside --out, got none');
  if (out !== undefined && json !== undefined)
    throw new ConfigError(
      'bench kernels: expected --out or --json, got both\nhint: the page that --out writes gives its file to who opens it',
    );
  if (shapes && run !== undefined) throw new ConfigError('bench kernels: expected --shapes or --run, got both');
  if (shapes && op?.length !== 1)
    throw new ConfigError(`bench kernels: expected one --op beside --shapes, got ${op?.length ?? 'none'}`);
  const ofHalves = benchedOps.filter(({ halves }) => halves).map((one) => one.op);
  const whole = dtype === 'f16' ? op?.find((name) => !ofHalves.includes(name)) : undefined;
  if (whole !== undefined)
    throw new ConfigError(`bench kernels: expected an op with kernels of f16, of ${ofHalves.join(', ')}, got ${whole}`);
  return op ?? allOps();
}

/** @throws {ConfigError} where a step has none of the ops */
async function ofStep(device: Device, step: StepOrder, ops: readonly string[]): Promise<NamedCase[]> {
  const all = casesOfStep((await captureStep(device, step)).program);
  const named = all.filter(({ op }) => ops.includes(op));
  if (named.length > 0) return named;
  const found = [...new Set(all.map(({ op }) => op))].join(', ') || 'none';
  throw new ConfigError(
    `bench kernels: expected --op to be of those in the run's step (${found}), got ${ops.join(', ')}`,
  );
}
