// `lockstep bench kernels`: how fast the adapter's kernels are, and how far below what it could do.
import { ConfigError } from '@lockstep/trainer';
import { openDevice } from '@lockstep/tensor/node';
import { type BenchFile, writeBenchFile } from '../bench/bench-file.ts';
import { CeilingProbe, ceilingsOf } from '../bench/ceilings.ts';
import { emptyBenchFile } from '../bench/environment.ts';
import { benchedOps } from '../bench/kernels/benched-ops.ts';
import type { Benched, KernelCase } from '../bench/kernels/case.ts';
import { benchHeading, kernelTable } from '../bench/kernels/table.ts';
import { familiesOf, measureVariants, type Variant } from '../bench/kernels/variants.ts';
import { parseLengths } from '../bench/lengths.ts';
import { measureOverheads, overheadLine } from '../bench/overheads.ts';
import { rerunWithoutChatter } from '../driver-chatter.ts';
import { say } from '../say.ts';

export interface BenchKernelsOptions {
  readonly op?: readonly string[];
  readonly family?: readonly string[];
  readonly shapes?: readonly string[];
  readonly rounds: number;
  readonly json?: string;
}

export async function benchKernelsCommand(options: BenchKernelsOptions): Promise<void> {
  if (await rerunWithoutChatter()) return;
  const cases = casesFor(options);
  const device = await openDevice();
  try {
    const probe = await CeilingProbe.create(device);
    const variants = cases.flatMap((from): Variant[] =>
      from.family
        ? familiesOf(device, from.family).map((family) => ({ from, family }))
        : [{ from, family: 'generated' }],
    );
    const wanted = options.family ? variants.filter(({ family }) => options.family!.includes(family)) : variants;
    if (wanted.length === 0)
      throw new ConfigError(
        `bench kernels: expected a family that the adapter runs, of ${[...new Set(variants.map(({ family }) => family))].join(', ')}, got ${options.family?.join(', ')}`,
      );
    const log = (line: string): void => say(process.stderr, line);
    const kernels = await measureVariants(device, wanted, { probe, rounds: options.rounds, log });
    const file: BenchFile = {
      ...(await emptyBenchFile(device, ceilingsOf(kernels) ?? (await probe.measure()))),
      ...(await measureOverheads(device)),
      kernels,
    };
    say(process.stdout, `${benchHeading(file)}\n${overheadLine(file)}\n\n${kernelTable(kernels)}`);
    if (options.json) await writeBenchFile(options.json, file);
    if (kernels.some(({ status }) => status === 'wrong')) process.exitCode = 1;
  } finally {
    await device.close();
  }
}

/** @throws {ConfigError} for an op or a shape that there is not. */
function casesFor({ op, shapes }: BenchKernelsOptions): KernelCase[] {
  const names = benchedOps.map((one) => one.op);
  const unknown = op?.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(`bench kernels: expected --op to be of ${names.join(', ')}, got ${unknown}`);
  if (shapes && op?.length !== 1) throw new ConfigError('bench kernels: expected one --op beside --shapes');
  const wanted = benchedOps.filter((one) => !op || op.includes(one.op));
  return wanted.flatMap((one) => (shapes ?? one.shapes).map((shape) => caseOf(one, shape)));
}

function caseOf(one: Benched, shape: string): KernelCase {
  const lengths = parseLengths(shape);
  if (!lengths || (one.axes !== 'any' && lengths.length !== one.axes.split('x').length))
    throw new ConfigError(`bench kernels: expected shapes of ${one.op} as ${one.axes}, got ${shape}`);
  return { op: one.op, shape, ...one.make(lengths) };
}
