// run.json: what was run, and each time it was launched, so that a folder tells by itself how it came to be.
import { CheckpointError } from '@lockstep/nn';
import { readJson, replaceFile } from '@lockstep/nn/node';
import * as z from 'zod';
import { parseRun } from '../run/define-run.ts';
import type { Run } from '../run/run.ts';

/** One start of the run, the first or a resumed one. */
export interface Launch {
  /** ISO 8601. */
  readonly at: string;
  readonly workers: number;
  /** Steps that had been taken before. */
  readonly fromStep: number;
  /** Unknown until a worker has opened its device. */
  readonly adapter?: string | undefined;
  /** Of lockstep, node and the system. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface RunRecord {
  /** The run as it was resolved for the last launch. */
  readonly run: Run;
  /** The module that it came from. */
  readonly file: string;
  /** The settings that were put over the module's, as `path=value`. */
  readonly overrides: readonly string[];
  readonly launches: readonly Launch[];
}

const recordSchema = z.object({
  run: z.unknown(),
  file: z.string(),
  overrides: z.array(z.string().regex(/^[^=]+=/)),
  launches: z.array(
    z.object({
      at: z.string(),
      workers: z.number(),
      fromStep: z.number(),
      adapter: z.string().optional(),
      versions: z.record(z.string(), z.string()),
    }),
  ),
});

/** Writes the record whole or not at all. */
export async function writeRunRecord(path: string, record: RunRecord): Promise<void> {
  await replaceFile(path, (file) => file.writeFile(`${JSON.stringify(record, null, 2)}\n`));
}

/** Reads a record. @throws {CheckpointError} for a file that is missing or no record. */
export async function readRunRecord(path: string): Promise<RunRecord> {
  const json = await readJson(path, { what: 'the record of a run', error: CheckpointError });
  try {
    const record = recordSchema.parse(json);
    return { ...record, run: parseRun(record.run, { who: path }) };
  } catch {
    throw new CheckpointError(`${path}: expected the record of a run, got something else`);
  }
}
