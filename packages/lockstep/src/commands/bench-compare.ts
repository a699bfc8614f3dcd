// `lockstep bench compare`: what became faster between two files, and what is noise.
import { type BenchFile, readBenchFile } from '../bench/bench-file.ts';
import { compareFiles, type Comparison, noiseOf } from '../bench/compare.ts';
import { say } from '../say.ts';

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

const lineOf =
  (all: readonly Comparison[]) =>
  ({ op, shape, family, speedUp, from, to, verdict }: Comparison): string => {
    const names = all.map((one) => `${one.op}  ${one.shape}  ${one.family}`.length);
    const name = `${op}  ${shape}  ${family}`.padEnd(Math.max(...names));
    return `${name}  ${speedUp.toFixed(2)}×  (${from.toFixed(2)} to ${to.toFixed(2)})  ${verdict}`;
  };

function summary(all: readonly Comparison[], noise: number): string {
  if (all.length === 0) return 'no kernel, shape and family is in both files';
  const count = (verdict: Comparison['verdict']): number => all.filter((one) => one.verdict === verdict).length;
  return `${count('faster')} faster, ${count('slower')} slower, ${count('noise')} noise; a difference of less than ${(100 * noise).toFixed(0)} % cannot be told here${noise > 0.1 ? ': this machine is too noisy for less, more --rounds help' : ''}`;
}
