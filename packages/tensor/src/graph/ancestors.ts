// What a tensor is computed of, as far as it has been recorded.
import type { Tensor } from '../tensor.ts';
import { nodeOf, tensorsOf } from './node.ts';

/** A tensor, and all that it is computed of: each once, itself first. */
export function* ancestorsOf(tensor: Tensor): Generator<Tensor> {
  const seen = new Set<Tensor>([tensor]);
  for (const one of seen) {
    yield one;
    const node = nodeOf(one);
    for (const input of node ? tensorsOf(node) : []) seen.add(input);
  }
}

/** The tensor and the number that a product is of; undefined for anything else. */
export function factorsOf(tensor: Tensor): { tensor: Tensor; factor: number } | undefined {
  const node = nodeOf(tensor);
  if (node?.kind !== 'elementwise' || node.inputs.length !== 2) return undefined;
  const [a, b] = node.inputs as [Tensor | { value: number }, Tensor | { value: number }];
  const { name } = node.function;
  if (name === 'mul' && 'value' in a && !('value' in b)) return { tensor: b, factor: a.value };
  if (!('value' in b) || 'value' in a) return undefined;
  return name === 'mul' || name === 'div' ? { tensor: a, factor: name === 'mul' ? b.value : 1 / b.value } : undefined;
}
