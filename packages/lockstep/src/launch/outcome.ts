// What comes of a job, and whether it is what the run expects of itself.
import type { Run } from '@lockstep/trainer';
import { ConfigError } from '@lockstep/trainer';
import type { RunResult } from '../hub/train-reports.ts';
import { loss } from '../console/wording.ts';

/** What comes of a job. */
export interface LaunchResult extends RunResult {
  readonly tokensPerSecond: number;
  readonly workers: number;
  readonly adapter: string;
  /** The run's folder. */
  readonly folder: string;
  /** What the run's `expect` answers; nothing where it has none, or was not asked. */
  readonly asExpected: boolean | undefined;
}

/** A run that ended as it should, with other results than it expects of itself. */
export class ExpectationError extends Error {
  readonly code = 'EXPECTATION';
  override readonly name = 'ExpectationError';
}

/**
 * Asks a run whether it ended as it expects. It speaks of itself as it is written down, so nobody asks where settings were changed for this
 * launch, or where it was stopped.
 * @throws {ConfigError} for an `expect` that throws, or answers neither true nor false.
 */
export function judge({ name, expect }: Run, { result, overrides }: Judged): boolean | undefined {
  if (!expect || result.stopped || overrides.length > 0) return undefined;
  const { loss: last, validation } = result;
  let answer: unknown;
  try {
    answer = expect({
      loss: last,
      validation: { ...(validation && { loss: validation.loss }), ...validation?.metrics },
    });
  } catch (error) {
    throw new ConfigError(`${name}: expect: expected true or false, got an error: ${(error as Error)?.message}`);
  }
  if (typeof answer === 'boolean') return answer;
  throw new ConfigError(`${name}: expect: expected true or false, got ${String(answer)}`);
}

export interface Judged {
  readonly result: RunResult;
  /** Settings over the run's own. */
  readonly overrides: readonly string[];
}

/** Says what a run expected, as it is written there, and what it got. */
export function unexpected({ name, expect }: Run, { loss: last, validation }: RunResult): ExpectationError {
  const metrics = Object.entries(validation?.metrics ?? {}).map(([metric, value]) => `, ${metric} ${loss(value)}`);
  const source = String(expect);
  const rule = source.length <= 200 ? source : 'what its expect says';
  const got = `loss ${loss(last)}, validation loss ${loss(validation?.loss)}${metrics.join('')}`;
  return new ExpectationError(`${name}: expected ${rule}, got ${got}\nhint: all that was trained is kept`);
}
