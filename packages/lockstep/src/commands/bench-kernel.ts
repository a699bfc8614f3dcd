// `lockstep bench kernel`: a kernel of one's own, proved and timed at several sizes, its overrides searched.
import { fork } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@lockstep/trainer';
import { type BenchFile, type KernelRow, unmeasuredRow } from '../bench/bench-file.ts';
import { writeBenchFile } from '../bench/bench-schema.ts';
import { ceilingsOf } from '../bench/ceilings.ts';
import { benchHeading, kernelTable } from '../bench/kernels/table.ts';
import { parseLengths } from '../bench/lengths.ts';
import { labelOf, type OwnKernelOrder } from '../bench/own-kernel/order.ts';
import { say } from '../console/say.ts';

/** The options of `lockstep bench kernel`, as they are typed. */
export interface BenchKernelOptions {
  readonly reference: string;
  readonly shapes: readonly string[];
  readonly tune?: readonly string[];
  readonly rounds: number;
  readonly tolerance: number;
  /** Seconds. */
  readonly deadline: number;
  readonly all?: boolean;
  readonly json?: string;
}

const child = fileURLToPath(new URL('../bench/own-kernel/child.js', import.meta.url));

export async function benchKernelCommand(file: string, options: BenchKernelOptions): Promise<void> {
  for (const one of [file, options.reference])
    if (!(await stat(one).catch(() => undefined))?.isFile())
      throw new ConfigError(`bench kernel: expected a file, got ${one}, which does not exist`);
  const { reference, rounds, tolerance } = options;
  const shapes = options.shapes.map(shapeOf);
  const choices = combinations((options.tune ?? []).map(choiceOf));
  const orders = shapes.flatMap((shape) =>
    choices.map((constants): OwnKernelOrder => ({ kernel: file, reference, shape, constants, rounds, tolerance })),
  );
  const rows: KernelRow[] = [];
  let environment: BenchFile | undefined;
  for (const order of orders) {
    say(process.stderr, `${titleOf(order)}: proving and timing`);
    const { row, file: found } = await inChild(order, options.deadline);
    environment ??= found;
    rows.push(row);
  }
  const whole = environment && { ...environment, ceilings: ceilingsOf(rows) ?? environment.ceilings, kernels: rows };
  report(rows, { ...options, found: whole });
  if (whole && options.json) await writeBenchFile(options.json, whole);
  if (rows.every(({ status }) => status !== 'ok')) process.exitCode = 1;
}

function titleOf(order: OwnKernelOrder): string {
  const { op, shape, constants } = labelOf(order);
  return [op, shape, settings(constants)].filter(Boolean).join(' ');
}

/** The best of each shape, or all; then what is wrong with the others, each once. */
function report(rows: readonly KernelRow[], { all, found }: { all?: boolean; found?: BenchFile | undefined }): void {
  const named = rows.map((row) => ({ ...row, family: settings(row.constants) || 'own' }));
  const best = (row: KernelRow): boolean =>
    row.status === 'ok' &&
    named.every((other) => other.shape !== row.shape || other.status !== 'ok' || other.us >= row.us);
  const shown = all ? named : named.filter(best);
  const head = found ? [benchHeading(found), ''] : [];
  const wrong = new Set(named.filter(({ status }) => status !== 'ok').map((row) => lineOf(row)));
  say(process.stdout, [...head, ...(shown.length === 0 ? [] : [kernelTable(shown)]), ...(all ? [] : wrong)].join('\n'));
}

/** Constants as they are shown. */
const settings = (constants: KernelRow['constants']): string =>
  Object.entries(constants)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');

const lineOf = (row: KernelRow): string =>
  row.status === 'ok' ? '' : `${row.shape} ${row.family}: ${row.status}: ${row.message}`;

/** Runs an order in a process that is ended at its deadline. */
function inChild(order: OwnKernelOrder, deadline: number): Promise<{ row: KernelRow; file?: BenchFile }> {
  return new Promise((resolve) => {
    const started = fork(child, [JSON.stringify(order)], { stdio: ['ignore', 'inherit', 'ignore', 'ipc'] });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      started.kill('SIGKILL');
    }, 1000 * deadline);
    started.once('message', (message) => resolve(message as { row: KernelRow; file: BenchFile }));
    started.once('exit', (code, signal) => {
      clearTimeout(timer);
      const message = isLate
        ? `did not end within ${deadline} s, and its process was killed`
        : `its process ended with ${signal ?? `exit code ${code}`}`;
      resolve({ row: unmeasuredRow(labelOf(order), isLate ? 'timeout' : 'failed', message) });
    });
  });
}

/** @throws {ConfigError} */
function shapeOf(text: string): number[] {
  const lengths = parseLengths(text);
  if (lengths) return lengths;
  throw new ConfigError(`bench kernel: expected shapes such as 1024x1024, got ${text}`);
}

/** @throws {ConfigError} */
function choiceOf(text: string): [name: string, values: number[]] {
  const [, name, list] = /^(\w+)=([\d.,eE+-]+)$/.exec(text) ?? [];
  const values = list?.split(',').map(Number);
  if (!values || values.some((value) => Number.isNaN(value)))
    throw new ConfigError(`bench kernel: expected --tune NAME=value,value, got ${text}`);
  return [name!, values];
}

function combinations(
  choices: readonly (readonly [name: string, values: readonly number[]])[],
): Record<string, number>[] {
  return choices.reduce<Record<string, number>[]>(
    (all, [name, values]) => all.flatMap((one) => values.map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}
