// Versions of what runs, for records and reports.
import { readFileSync } from 'node:fs';
import { release } from 'node:os';

/** The version of this package. */
export const version: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

export function versions(): Record<string, string> {
  return {
    lockstep: version,
    node: process.versions.node,
    v8: process.versions.v8,
    system: `${process.platform} ${process.arch} ${release()}`,
  };
}
