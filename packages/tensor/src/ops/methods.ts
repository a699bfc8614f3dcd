// Ops as methods, for chains: `x.add(y).mul(2).relu()`. Each is the op of the same name with the tensor as its first input.
import { Tensor } from '../tensor.ts';
import * as all from './index.ts';

const names = [
  'abs',
  'add',
  'argmax',
  'argmin',
  'at',
  'broadcastTo',
  'capped',
  'cast',
  'clamp',
  'cos',
  'cumsum',
  'detach',
  'div',
  'equal',
  'erf',
  'exp',
  'flip',
  'floor',
  'gather',
  'gelu',
  'greater',
  'greaterEqual',
  'less',
  'lessEqual',
  'log',
  'logSoftmax',
  'logSumExp',
  'matmul',
  'max',
  'maximum',
  'mean',
  'min',
  'minimum',
  'mul',
  'neg',
  'norm',
  'notEqual',
  'permute',
  'pow',
  'prod',
  'relu',
  'reshape',
  'round',
  'rsqrt',
  'scatterAdd',
  'sigmoid',
  'sign',
  'silu',
  'sin',
  'slice',
  'softmax',
  'softplus',
  'sort',
  'split',
  'sqrt',
  'square',
  'squeeze',
  'sub',
  'sum',
  'tanh',
  'topK',
  'transpose',
  'unsqueeze',
  'variance',
] as const;
type Name = (typeof names)[number];

/** What is left of a function's parameters when the tensor is given. */
type Rest<F> = F extends (x: never, ...rest: infer Others) => unknown ? Others : never;
type Result<F> = F extends (...args: never[]) => infer Given ? Given : never;
type Methods = { readonly [Op in Name]: (...rest: Rest<(typeof all)[Op]>) => Result<(typeof all)[Op]> };

declare module '../tensor.ts' {
  interface Tensor extends Methods {}
}

const ops = new Map<string, unknown>(Object.entries(all));

for (const name of names) {
  const op = ops.get(name) as (x: Tensor, ...rest: unknown[]) => unknown;
  const value = function (this: Tensor, ...rest: unknown[]): unknown {
    return op(this, ...rest);
  };
  Object.defineProperty(Tensor.prototype, name, { value, writable: true, configurable: true });
}
