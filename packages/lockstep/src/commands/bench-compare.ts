// `lockstep bench compare`: what became faster between two files, and what is noise.
import type { BenchFile } from '../bench/bench-file.ts';
import { readBenchFile } from '../bench/bench-schema.ts';
import { compareFiles, type Comparison, noiseOf } from '../bench/compare.ts';
import { say } from '../console/say.ts';

export async function benchCompareCommand(
  before: string,
  after: string,
  { json = false }: { json?: boolean },
): Promise<void> {
  const files = [await readBenchFile(before), await readBenchFile(after)] as const;
  const comparisons = compareFiles(...files);
  const noise = noiseOf(comparisons);
  if (json) return say(process.stdout, JSON.stringify({ noise, comparisons }));
  say(
    process.stdout,
    [...files.map(headOf), '', ...comparisons.map(lineOf(comparisons)), '', summary(comparisons, noise)].join('\n'),
  );
}

const headOf = ({ adapter, created, lockstep }: BenchFile, i: number): string =>
  `${i === 0 ? 'before' : 'after '}  ${adapter.description}${adapter.software ? ' (software adapter)' : ''}, ${created}, Lockstep ${lockstep}`;

/** What a row is called; its type where that is another than most have. */
const nameOf = ({ op, shape, dtype, family, constants }: Comparison): string =>
  [
    op,
    shape,
    ...(dtype === 'f32' ? [] : [dtype]),
    family,
    ...Object.entries(constants).map((one) => one.join('=')),
  ].join('  ');

const lineOf = (all: readonly Comparison[]): ((one: Comparison) => string) => {
  const width = all.reduce((most, one) => Math.max(most, nameOf(one).length), 0);
  return (one) => {
    const { speedUp, from, to, verdict } = one;
    return `${nameOf(one).padEnd(width)}  ${speedUp.toFixed(2)}×  (${from.toFixed(2)} to ${to.toFixed(2)})  ${verdict}`;
  };
};

function summary(all: readonly Comparison[], noise: number): string {
  if (all.length === 0) return 'no kernel, shape and family is in both files';
  const least = noise < 1 ? `a difference of less than ${(100 * noise).toFixed(0)} %` : 'a difference';
  const count = (verdict: Comparison['verdict']): number => all.filter((one) => one.verdict === verdict).length;
  return `${count('faster')} faster, ${count('slower')} slower, ${count('noise')} noise; ${least} cannot be told here${noise > 0.1 ? `: ${whyNoisy(all)}` : ''}`;
}

/** Processors that others take part of are no measure, however often one looks. */
function whyNoisy(all: readonly Comparison[]): string {
  const others = Math.max(...all.map((one) => one.others));
  return others > 0.05
    ? `other processes took up to ${(100 * others).toFixed(0)} % of the machine's processors`
    : 'this machine is too noisy for less, more --rounds help';
}
