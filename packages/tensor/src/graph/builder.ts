// What a generated kernel computes for a tensor: the expression over memory that its lazy nodes amount to, with views pushed down to what
// lies in memory.
import { DeviceError } from '@lockstep/errors';
import { callsIn, type Expression, leavesOf, type Load } from '../fuse/expression.ts';
import { type Stored, Tensor } from '../tensor.ts';
import { denseLayout, type Layout, type View, viewed } from './layout.ts';
import { type ElementwiseNode, nodeOf } from './node.ts';

/** Storage bindings that every adapter has for a kernel, less one for the output. */
const mostInputs = 7;
/** Calls of one generated kernel at the most, to keep it readable and quick to compile. */
const mostCalls = 48;

/** What building asks: whether a tensor is better stored than computed again, and to store it. */
export interface Stores {
  prefersStored(tensor: Tensor): boolean;
  /** @returns false where it must not be: then there is no expression either. */
  store(tensor: Tensor): boolean;
}

/** Builds one expression; what it meets twice it builds once. */
export class Builder {
  readonly #stores: Stores;
  readonly #known = new Map<Tensor, Map<string, Expression | undefined>>();

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  /**
   * The elements of a tensor seen through views, innermost first; undefined where no layout says that.
   * @param isRoot whether this is the tensor that is asked for, and not a part of it.
   */
  build(tensor: Tensor, views: readonly View[], isRoot: boolean = views.length === 0): Expression | undefined {
    const key = JSON.stringify(views);
    const known = this.#known.get(tensor) ?? new Map<string, Expression | undefined>();
    this.#known.set(tensor, known);
    if (!known.has(key)) known.set(key, this.#build(tensor, views, isRoot));
    return known.get(key);
  }

  #build(tensor: Tensor, views: readonly View[], isRoot: boolean): Expression | undefined {
    const node = nodeOf(tensor);
    if (!tensor.stored && !isRoot && node?.kind === 'elementwise' && this.#stores.prefersStored(tensor))
      if (!this.#stores.store(tensor)) return undefined;
    if (tensor.stored) return load(tensor, tensor.stored, views);
    switch (node?.kind) {
      case 'view':
        return this.#throughView(node.inputs[0], [node.view, ...views]);
      case 'index': {
        const layout = through(denseLayout(tensor.shape, undefined), views);
        return layout && { kind: 'place', layout, dtype: 'u32' };
      }
      case 'elementwise':
        return this.#call(tensor, node, views);
      default:
        throw new DeviceError(
          `device: expected a tensor that is there, got ${String(tensor)}, whose memory was given back`,
        );
    }
  }

  #throughView(source: Tensor, views: readonly View[]): Expression | undefined {
    const found = this.build(source, views, false);
    if (found || source.stored || views[0]!.kind !== 'reshape') return found;
    // What this reshape alone can see, another one around it cannot: that has its source stored.
    if (views.length > 1 && this.build(source, [views[0]!], false)) return undefined;
    if (!this.#stores.store(source)) return undefined;
    return load(source, source.stored!, views);
  }

  #call(tensor: Tensor, node: ElementwiseNode, views: readonly View[]): Expression | undefined {
    const inputs: Expression[] = [];
    for (const input of node.inputs) {
      const expression: Expression | undefined =
        input instanceof Tensor ? this.build(input, views, false) : { kind: 'literal', ...input };
      if (!expression) return undefined;
      inputs.push(expression);
    }
    const call = (): Expression => ({ kind: 'call', function: node.function, inputs, dtype: tensor.dtype });
    while (isTooLarge(call())) {
      const largest = this.#largest(node, inputs);
      if (largest === undefined) break;
      const input = node.inputs[largest] as Tensor;
      if (!this.#stores.store(input)) return undefined;
      const stored = load(input, input.stored!, views);
      if (!stored) return undefined;
      inputs[largest] = stored;
    }
    return call();
  }

  /** The input whose expression reads the most. */
  #largest(node: ElementwiseNode, inputs: readonly Expression[]): number | undefined {
    const sizes = inputs.map((input, i) =>
      input.kind === 'call' && node.inputs[i] instanceof Tensor ? leavesOf(input).length : 0,
    );
    const most = Math.max(...sizes);
    return most > 0 ? sizes.indexOf(most) : undefined;
  }
}

function isTooLarge(expression: Expression): boolean {
  const loads = leavesOf(expression).filter(({ kind }) => kind === 'load');
  return loads.length > mostInputs || callsIn(expression) > mostCalls;
}

const through = (layout: Layout, views: readonly View[]): Layout | undefined =>
  views.reduce<Layout | undefined>((seen, view) => seen && viewed(seen, view), layout);

function load({ dtype }: Tensor, { memory, layout }: Stored, views: readonly View[]): Load | undefined {
  const seen = through(layout, views);
  return seen && { kind: 'load', memory, layout: seen, dtype };
}
