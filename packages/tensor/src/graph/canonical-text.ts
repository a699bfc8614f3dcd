// Options as text: the same whatever order their names were written in.
import { Tensor } from '../tensor.ts';

/**
 * Numbers keep all their digits and the sign of zero; what is undefined is left out, and functions, whose text means nothing.
 * @param tensors where tensors among the options are put: the text has their places
 */
export function canonicalText(value: unknown, tensors: Tensor[] = []): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Tensor) return `tensor ${tensors.push(value)}`;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return canonicalText([...(value as unknown as Iterable<number>)], tensors);
  if (Array.isArray(value)) return `[${value.map((one) => canonicalText(one, tensors)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const named = Object.entries(value)
    .filter(([, one]) => one !== undefined && typeof one !== 'function')
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${named.map(([name, one]) => `${name}: ${canonicalText(one, tensors)}`).join(', ')}}`;
}
