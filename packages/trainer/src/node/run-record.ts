// run.json: what was run, and each time it was launched, so that a folder tells by itself how it came to be.
import { CheckpointError } from '@lockstep/nn';
import { readJson, replaceFile } from '@lockstep/nn/node';
import * as z from 'zod';
import { type Mathematics, mathematicsParts } from '../mathematics.ts';
import type { StoredSettings } from './run-identity.ts';

/** One start of the run, the first or a resumed one. */
export interface Launch {
  /** ISO 8601. */
  readonly at: string;
  readonly workers: number;
  /** Steps that had been taken before. */
  readonly fromStep: number;
  /** Unknown until a worker has opened its device. */
  readonly adapter?: string | undefined;
  /** The versions of lockstep, node and the system. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface RunRecord {
  /** The run's settings as they were resolved for the last launch. */
  readonly run: StoredSettings;
  /** The module that it came from. */
  readonly file: string;
  /** The sha256 of that module with all that it imports. */
  readonly module?: string | undefined;
  /** The sha256 of the data, prepared. */
  readonly data?: string | undefined;
  /** The sha256 of each part of what it computes; nothing in a record of an earlier form. */
  readonly mathematics?: Partial<Mathematics> | undefined;
  /** Hashes of runs with other settings whose checkpoints it goes on with: see `hashesOf`. */
  readonly continues?: readonly string[] | undefined;
  /** The settings that were put over the module's, as `path=value`. */
  readonly overrides: readonly string[];
  readonly launches: readonly Launch[];
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const recordSchema = z.object({
  run: z.looseObject({ name: z.string() }),
  file: z.string(),
  module: sha256.optional(),
  data: sha256.optional(),
  mathematics: z.partialRecord(z.enum(mathematicsParts), sha256).optional(),
  continues: z.array(sha256).optional(),
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
    return recordSchema.parse(json);
  } catch {
    throw new CheckpointError(`${path}: expected the record of a run, got something else`);
  }
}
