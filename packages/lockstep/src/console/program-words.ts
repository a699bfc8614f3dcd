// How this very command is started, for lines that are printed to be pasted.
import { join } from 'node:path';

/** From a kit, whose start script says where it lies, that script; else npx. */
export function programWords(): string[] {
  const kit = process.env['LOCKSTEP_KIT'];
  return kit === undefined ? ['npx', 'lockstep'] : [join(kit, 'lockstep')];
}
