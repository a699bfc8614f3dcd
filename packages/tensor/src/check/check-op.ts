// The one judge of all ops, ours and others': forward against a definition in f64, backward against its slopes, shards in passes of any
// length against each by itself, the same bits twice, and what NaN and infinities do.
import type { Device } from '../device/device.ts';
import { sizeOf } from '../shape.ts';
import { Judge } from './judge.ts';
import type { CheckableOp, OpCheck, OpSample } from './op-check.ts';

/** One thing that is judged of an op on a sample. */
export interface Judgement {
  readonly title: string;
  /** @throws {CheckError} */
  readonly judge: () => Promise<void>;
}

/**
 * Judges an op on samples: forward against its reference, backward against numeric slopes, 8 shards in passes of 1, 2, 4 and 8, the same
 * bits in a captured program, NaN and infinities.
 *
 * ```ts
 * await checkOp(device, squash, { shapes: [[1], [37], [257, 3]] });
 * ```
 * @returns how much has been judged
 * @throws {CheckError} that says what differs, where, and by how much
 */
export async function checkOp<Options = unknown>(
  device: Device,
  op: CheckableOp<Options>,
  check: OpCheck<Options>,
): Promise<{ samples: number; judgements: number }> {
  let judgements = 0;
  const samples = samplesOf(check);
  for (const sample of samples) {
    for (const { judge } of judgementsOf(device, op, { check, sample })) {
      await judge();
      judgements++;
    }
  }
  return { samples: samples.length, judgements };
}

export function samplesOf<Options>({ shapes = [], samples = [] }: OpCheck<Options>): readonly OpSample<Options>[] {
  return [...shapes.map((shape) => ({ shapes: [shape] })), ...samples];
}

/** What is judged of an op on a sample, for tests that name each. */
export function judgementsOf<Options>(
  device: Device,
  op: CheckableOp<Options>,
  { check, sample }: { readonly check: OpCheck<Options>; readonly sample: OpSample<Options> },
): Judgement[] {
  const judge = new Judge(device, op, check, sample);
  const largest = largestWithin(20_000, samplesOf(check));
  const isLargest = JSON.stringify(largest) === JSON.stringify(sample);
  return [
    { title: 'forward is the definition', judge: () => judge.forward() },
    ...(check.constant ? [] : [{ title: 'backward is the slope', judge: () => judge.backward() }]),
    { title: 'a shard has the same bits alone and among others', judge: () => judge.shards() },
    ...(isLargest ? [{ title: 'a captured program gives the same bits', judge: () => judge.captured() }] : []),
    ...(isLargest && check.judgesNaN !== false
      ? [
          { title: 'NaN reaches all that depends on it, and nothing else', judge: () => judge.passesNaN() },
          { title: 'NaN and infinities give what the definition gives', judge: () => judge.passesAll() },
        ]
      : []),
  ];
}

/** The sample with the most elements that is not too slow: in small ones a row may be all that it depends on. */
function largestWithin<Options>(
  elements: number,
  samples: readonly OpSample<Options>[],
): OpSample<Options> | undefined {
  const sizeOfAll = ({ shapes }: OpSample<Options>): number => shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
  const fitting = samples.filter((sample) => sizeOfAll(sample) <= elements && sizeOfAll(sample) > 0);
  return fitting.toSorted((a, b) => sizeOfAll(b) - sizeOfAll(a))[0];
}
