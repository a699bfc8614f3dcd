// What a script is called where its trainer writes.
import { createHash } from 'node:crypto';
import { basename, extname } from 'node:path';
import { ConfigError } from '@lockstep/errors';

/** A name for a folder. @throws {ConfigError} */
export function scriptName(given: string | undefined, file: string): string {
  const name = given ?? basename(file, extname(file));
  if (/^[\w][\w.-]{0,99}$/.test(name)) return name;
  throw new ConfigError(
    `createTrainer: name: expected letters, digits, dots and dashes, got ${JSON.stringify(name)}\nhint: createTrainer(job, { name: 'distil', … })`,
  );
}

/** What the checkpoints of a script's trainer have in common. */
export function hashOfName(name: string): string {
  return createHash('sha256').update(`script ${name}`).digest('hex');
}
