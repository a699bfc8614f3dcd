// Every elementwise op by its own definition, over shapes that are broadcast, and in the types that it takes.
import { checkOp } from '../../../../test/check-op.ts';
import { device } from '../../../../test/gpu.ts';
import type { OpCheck, OpSample } from '../check/op-check.ts';
import * as activations from './activations.ts';
import * as arithmetic from './arithmetic.ts';
import * as comparison from './comparison.ts';
import * as exponential from './exponential.ts';
import * as logic from './logic.ts';
import { siluMul } from './silu-mul.ts';
import { where } from './where.ts';

const one: OpSample[] = [{ shapes: [[37, 67]] }];
const two: OpSample[] = [{ shapes: [[37, 64], [64]] }];
const odd: OpSample[] = [
  { shapes: [[], [1]] },
  { shapes: [[3, 0], [1]] },
  {
    shapes: [
      [3, 1, 5],
      [7, 1],
    ],
  },
];
const three: OpSample[] = [{ shapes: [[33, 5], [5], [33, 1]] }];

/** Away from where a function is steep, or jumps. */
const positive = (value: number): number => Math.abs(value) + 0.1;
const awayFromHalves = (value: number): number => Math.round(2 * value) / 2 + value / 16 + 0.11;

const unary = { samples: one };
const binary = { samples: two };
const truth = { constant: true, judgesNaN: false };

const { abs, add, clamp, div, floor, lerp, maximum, minimum, mul, neg, round, rsqrt, sign, sqrt, square, sub } =
  arithmetic;
for (const op of [add, sub, mul]) checkOp(op, binary);
checkOp(mul, { samples: odd });
checkOp(neg, { shapes: [[], [1], [3, 0]] });
for (const op of [add, sub, mul, maximum, minimum]) checkOp(op, { ...binary, dtype: 'i32', constant: true });
for (const op of [neg, square, abs]) checkOp(op, { ...unary, selects: op === abs });
checkOp(div, { ...binary, domain: (value, input) => (input === 1 ? positive(value) : value) });
for (const op of [sqrt, rsqrt]) checkOp(op, { ...unary, domain: positive });
for (const op of [sign, floor, round])
  checkOp(op, {
    ...unary,
    domain: awayFromHalves,
    selects: true,
    judgesNaN: op === sign ? false : undefined,
  } as OpCheck);
for (const op of [maximum, minimum]) checkOp(op, { ...binary, selects: true, judgesNaN: false });
checkOp(clamp, {
  samples: three,
  domain: (value, input) => (input === 0 ? value : input === 1 ? -1 - positive(value) / 8 : 1 + positive(value) / 8),
  selects: true,
  judgesNaN: false,
});
checkOp(lerp, { samples: three });

const { cos, exp, log, pow, sin } = exponential;
checkOp(pow, { ...binary, domain: (value, input) => (input === 0 ? positive(value) : value), judgesNaN: false });
for (const op of [exp, sin, cos]) checkOp(op, unary);
checkOp(log, { ...unary, domain: positive });
checkOp(sin, { ...unary, domain: (value) => 500 * value, tolerance: 5e-5, judgesNaN: false });

const { capped, erf, gelu, relu, sigmoid, silu, softplus, tanh } = activations;
for (const op of [sigmoid, tanh, silu, softplus, erf]) checkOp(op, unary);
checkOp(relu, { ...unary, selects: true });
checkOp(gelu, {
  samples: [{ shapes: [[1]] }, { shapes: [[37, 67]] }],
  reference: ([x]) => x!.map((v) => (v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))) / 2),
});
checkOp(gelu, {
  samples: [{ shapes: [[37, 67]], options: { exact: true } }],
  reference: ([x]) => x!.map((v) => (v * (1 + erf.definition.reference(v / Math.SQRT2))) / 2),
});
checkOp(capped, {
  samples: [{ shapes: [[37, 67]], options: 1.5 as unknown as object }],
  reference: ([x]) => x!.map((v) => 1.5 * Math.tanh(v / 1.5)),
});
checkOp(siluMul, binary);

for (const op of Object.values(comparison)) {
  checkOp(op, { ...binary, ...truth, domain: Math.round });
  checkOp(op, { samples: [{ shapes: [[37], [37]] }], ...truth, dtype: 'u32' });
}
const { isFinite, logicalAnd, logicalNot, logicalOr } = logic;
for (const op of [logicalAnd, logicalOr]) checkOp(op, { ...binary, ...truth, domain: Math.round });
for (const op of [logicalNot, isFinite]) checkOp(op, { ...unary, ...truth, domain: Math.round });

checkOp(where, {
  samples: [{ shapes: [[37, 5], [37, 5], [5]] }],
  integers: { 0: () => 2 },
  selects: true,
  reference: ([condition, a, b]) => a!.map((value, i) => (condition![i] ? value : b![i % 5]!)),
});

if (device.facts.f16) {
  checkOp(mul, { ...binary, dtype: 'f16', judgesNaN: false });
  checkOp(exp, { samples: [{ shapes: [[70]] }], dtype: 'f16', judgesNaN: false });
}
