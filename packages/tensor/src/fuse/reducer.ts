// How many numbers become one, as it stands in generated kernels.
import type { DType } from '../dtype.ts';
import { computedType } from './wgsl.ts';

export interface Reducer {
  readonly name: 'sum' | 'prod' | 'max' | 'min' | 'argmax' | 'argmin';
}

interface Reduction {
  /** Whether the result is a place, not a value. What is joined then is a pair: the value's order and its place. */
  readonly isArg: boolean;
  /** WGSL that makes one value of `a` and `b`. */
  join(dtype: DType): string;
  /** What changes nothing. */
  nothing(dtype: DType): string;
  /** What orders values, the wanted one first: NaN before all, equal ones alike. */
  key(dtype: DType, value: string): string;
}

const isF32 = (dtype: DType): boolean => computedType(dtype) === 'f32';
const noKey = (): string => '';
const zero = (dtype: DType, value: string): string => `${computedType(dtype)}(${value})`;

const infinite = (sign: '' | '-', dtype: DType): string => {
  const isLargest = sign === '';
  if (isF32(dtype)) return `bitcast<f32>(${isLargest ? '0x7f800000u' : '0xff800000u'} ^ params.zero)`;
  if (dtype === 'u32') return isLargest ? '0xffffffffu' : '0u';
  return isLargest ? '0x7fffffffi' : 'i32(-0x7fffffff - 1)';
};

/** The better key, and of equal ones the earlier place. */
const firstOfBest = 'select(b, a, a.x > b.x || (a.x == b.x && a.y < b.y))';
const noPlace = (): string => 'vec2u(0u, 0xffffffffu)';

export const reductions: Readonly<Record<Reducer['name'], Reduction>> = {
  sum: { isArg: false, join: () => 'a + b', nothing: (dtype) => zero(dtype, '0'), key: noKey },
  prod: { isArg: false, join: () => 'a * b', nothing: (dtype) => zero(dtype, '1'), key: noKey },
  max: {
    isArg: false,
    join: (dtype) => (isF32(dtype) ? 'maximum(a, b)' : 'max(a, b)'),
    nothing: (dtype) => infinite('-', dtype),
    key: noKey,
  },
  min: {
    isArg: false,
    join: (dtype) => (isF32(dtype) ? 'minimum(a, b)' : 'min(a, b)'),
    nothing: (dtype) => infinite('', dtype),
    key: noKey,
  },
  argmax: {
    isArg: true,
    join: () => firstOfBest,
    nothing: noPlace,
    key: (dtype, value) => `order_of_${computedType(dtype)}(${value})`,
  },
  argmin: {
    isArg: true,
    join: () => firstOfBest,
    nothing: noPlace,
    key: (dtype, value) => `reverse_order_of_${computedType(dtype)}(${value})`,
  },
};

/** What a reducer gives of elements of a type. */
export function reducedType({ name }: Reducer, input: DType): DType {
  return reductions[name].isArg ? 'u32' : input;
}
