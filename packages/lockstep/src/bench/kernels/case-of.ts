// The cases of the kernel bench by their names.
import { ConfigError } from '@lockstep/trainer';
import { parseLengths } from '../lengths.ts';
import { benchedOps } from './benched-ops.ts';
import type { Benched, KernelCase } from './case.ts';

/** @throws {ConfigError} for an op that there is not */
export function benchedOp(name: string): Benched {
  const found = benchedOps.find((one) => one.op === name);
  if (found) return found;
  const names = benchedOps.map((one) => one.op).join(', ');
  throw new ConfigError(`bench kernels: expected --op to be of ${names}, got ${name}`);
}

/** @throws {ConfigError} for an op or a shape that there is not */
export function caseOf(op: string, shape: string): KernelCase {
  const one = benchedOp(op);
  const lengths = parseLengths(shape);
  if (!lengths || !fits(one.axes, lengths.length))
    throw new ConfigError(`bench kernels: expected shapes of ${op} as ${one.axes}, got ${shape}`);
  return { op, shape, ...one.make(lengths) };
}

/** Axes in brackets may be left out. */
function fits(axes: string, count: number): boolean {
  if (axes === 'any') return true;
  const [least, most] = [axes.replace(/\[.*\]/, ''), axes].map((names) => names.split('x').length) as [number, number];
  return count >= least && count <= most;
}
