// Whether what has been recorded may be computed for any part of its elements by itself, and in any shape. Decides nothing about kernels.
import { Tensor } from '../tensor.ts';
import { ancestorsOf } from './ancestors.ts';
import { type Constant, type ElementwiseNode, nodeOf, tensorsOf } from './node.ts';

/**
 * Whether every element of a tensor is computed of the elements of `sources` at the same place, and of numbers that are the same at
 * every place.
 */
export function isPointwiseIn(tensor: Tensor, sources: ReadonlySet<Tensor>): boolean {
  const known = new Map<Tensor, boolean>();
  const dependsOn = (one: Tensor): boolean => {
    const before = known.get(one);
    if (before !== undefined) return before;
    const depends = sources.has(one) || inputsOf(one).some(dependsOn);
    known.set(one, depends);
    return depends;
  };
  return [...ancestorsOf(tensor)].every(
    (one) => sources.has(one) || nodeOf(one)?.kind === 'elementwise' || (!dependsOn(one) && isUniform(one)),
  );
}

/** Whether a tensor that is no function of others' elements is one number, maybe repeated. */
function isUniform(tensor: Tensor): boolean {
  const node = nodeOf(tensor);
  return tensor.size === 1 || (node?.kind === 'view' && node.inputs[0].size === 1);
}

/**
 * Whether two tensors are computed by the same functions of the same numbers. Shapes may differ, and so may how often a number is repeated.
 * @param pairs tensors that stand for one another: the first's, then the second's
 */
export function isComputedAlike(a: Tensor, b: Tensor, pairs: ReadonlyMap<Tensor, Tensor>): boolean {
  const known = new Map<Tensor, Map<Tensor, boolean>>();
  const alike = (one: Tensor, other: Tensor): boolean => {
    const [x, y] = [viewedBy(one), viewedBy(other)];
    const before = known.get(x)?.get(y);
    if (before !== undefined) return before;
    const found = pairs.has(x) ? pairs.get(x) === y : isSameFunction(x, y, alike);
    known.set(x, (known.get(x) ?? new Map<Tensor, boolean>()).set(y, found));
    return found;
  };
  return alike(a, b);
}

/** Without the views through which a tensor is seen. */
function viewedBy(tensor: Tensor): Tensor {
  const node = nodeOf(tensor);
  return node?.kind === 'view' ? viewedBy(node.inputs[0]) : tensor;
}

function isSameFunction(x: Tensor, y: Tensor, alike: (one: Tensor, other: Tensor) => boolean): boolean {
  const [a, b] = [nodeOf(x), nodeOf(y)];
  if (!a || !b) return x === y;
  if (a.kind !== 'elementwise' || b.kind !== 'elementwise' || textOf(a) !== textOf(b)) return false;
  return a.inputs.every((input, i) => {
    const other = b.inputs[i]!;
    if (!(input instanceof Tensor)) return !(other instanceof Tensor) && isSameNumber(input, other);
    return other instanceof Tensor && alike(input, other);
  });
}

const isSameNumber = (a: Constant, b: Constant): boolean => a.dtype === b.dtype && Object.is(a.value, b.value);

/** What a node does with its inputs. */
function textOf({ function: scalar, inputs }: ElementwiseNode): string {
  const types = inputs.map(({ dtype }) => dtype);
  return [scalar.name, scalar.wgsl(types), ...types].join(' ');
}

function inputsOf(tensor: Tensor): readonly Tensor[] {
  const node = nodeOf(tensor);
  return node ? tensorsOf(node) : [];
}
