// Versions of what runs, for records and reports.
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { ownFile } from '../own-file.ts';

/** The version of this package. */
export const version: string = (JSON.parse(readFileSync(ownFile('package.json'), 'utf8')) as { version: string })
  .version;

export function versions(): Record<string, string> {
  return {
    lockstep: version,
    node: process.versions.node,
    v8: process.versions.v8,
    system: `${process.platform} ${process.arch} ${release()}`,
  };
}
