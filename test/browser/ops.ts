// The checks of all ops, in a page.
import * as tensor from '@lockstep/tensor';
import './every-op-test.ts';
import { opsChecked } from './collected-checks.ts';

export { judge, names } from './collected-checks.ts';

/** Ops without a check. */
export function unchecked(): string[] {
  const all = Object.values(tensor).filter((value) => typeof value === 'function' && 'definition' in value);
  const checked = opsChecked();
  return all.filter((op) => !checked.has(op)).map(({ name }) => name);
}
