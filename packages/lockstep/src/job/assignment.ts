// What the workers of a job execute: what each is given on joining, whatever the job is.
import * as z from 'zod';

export interface Assignment {
  /** Path of the module: a script's bundle, or one of Lockstep's own. */
  readonly module: string;
  /** What the module takes for its own path: the file that it was made of. */
  readonly script: string;
  /** What it finds in `process.argv` from 2 on. */
  readonly args: readonly string[];
  /** What it finds in its environment besides. */
  readonly environment: Readonly<Record<string, string>>;
  /** What there is to do, where the module is Lockstep's own. */
  readonly work?: unknown;
}

export const assignmentSchema: z.ZodType<Assignment> = z.object({
  module: z.string(),
  script: z.string(),
  args: z.array(z.string()),
  environment: z.record(z.string().regex(/^LOCKSTEP_\w+$/), z.string()),
  work: z.unknown().optional(),
});
