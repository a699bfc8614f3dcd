// Muon: the momentum of a matrix, brought near to one whose singular values are all 1.
import { add, div, eye, matmul, mul, norm as normOf, type Tensor, transpose, zerosLike } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/errors';
import { real, settings, whole } from '../settings/settings.ts';
import { defineOptimizer, type OptimizerFactory } from './define-optimizer.ts';

export interface MuonSettings {
  /** 0.95 unless given. */
  readonly momentum: number;
  /** 0 unless given. */
  readonly weightDecay: number;
  /** Newton–Schulz steps; 5 unless given. */
  readonly iterations: number;
}

/** Coefficients of the quintic that grows small singular values fast and leaves large ones near 1. */
const [a, b, c] = [3.4445, -4.775, 2.0315] as const;

/**
 * Towards the orthogonal matrix nearest to `x` (M, N), by so many steps X ← PX with P = a + bA + cA² and A = XXᵀ, on the side that is
 * shorter. Jordan et al. 2024.
 */
function orthogonalised(x: Tensor, iterations: number): Tensor {
  const [rows, columns] = x.shape as [number, number];
  const y = div(x, add(normOf(x), 1e-7));
  const [wide, isTall] = rows > columns ? [transpose(y), true] : [y, false];
  const isLong = wide.shape[1]! >= 2 * wide.shape[0]!;
  const near = isLong && iterations > 0 ? throughSquares(wide, iterations) : stepByStep(wide, iterations);
  return isTall ? transpose(near) : near;
}

function stepByStep(x: Tensor, iterations: number): Tensor {
  let y = x;
  for (let i = 0; i < iterations; i++) y = stepped(y, powers(squareOf(y)));
  return y;
}

/**
 * The same where columns are many: A of the next step is PAP, so that what is as long as `x` (M, N) is met twice and not twice in each step; all
 * else is of squares (M, M).
 */
function throughSquares(x: Tensor, iterations: number): Tensor {
  let square = squareOf(x);
  let inner = powers(square);
  let turn = add(mul(eye(x.device, x.shape[0]!), a), inner); // the product of all P so far
  for (let i = 1; i < iterations; i++) {
    const half = add(mul(square, a), matmul(inner, square, { symmetric: true }));
    square = add(mul(half, a), matmul(half, inner, { symmetric: true }));
    inner = powers(square);
    turn = add(mul(turn, a), matmul(inner, turn, { symmetric: true }));
  }
  return matmul(turn, x);
}

/** XXᵀ. All polynomials in it are symmetric, and so are their products. */
const squareOf = (x: Tensor): Tensor => matmul(x, x, { transposeB: true, symmetric: true });

/** bA + cA². */
const powers = (square: Tensor): Tensor => add(mul(square, b), mul(matmul(square, square, { symmetric: true }), c));

/** aX + (bA + cA²)X. */
const stepped = (x: Tensor, inner: Tensor): Tensor => add(mul(x, a), matmul(inner, x));

const schema = settings({
  momentum: real({ from: 0, below: 1 }).default(0.95),
  weightDecay: real({ from: 0, to: 10 }).default(0),
  iterations: whole({ to: 20 }).default(5),
});

/**
 * Muon (Jordan et al. 2024): Nesterov momentum, five Newton–Schulz steps, and a size of √max(1, rows / columns), rows being the outputs
 * of a linear layer. For matrices inside a model; embeddings, heads and vectors belong to another optimizer:
 * `groups({ matrices: muon({ peak: 0.02 }), rest: adamW({ peak: 4e-3 }) })`.
 */
export const muon: OptimizerFactory<Partial<MuonSettings>, MuonSettings> = defineOptimizer({
  name: 'muon',
  settings: schema,
  state: (weight) => ({ momentum: zerosLike(weight) }),
  update({ weight, gradient, momentum: before }, { rate, momentum, weightDecay, iterations }) {
    const [rows, columns] = weight.shape as [number, number];
    if (weight.shape.length !== 2)
      throw new ConfigError(
        `muon: expected parameters of two axes, got [${weight.shape.join(', ')}]\nhint: groups({ matrices: muon(), rest: adamW() })`,
      );
    const next = before.mul(momentum).add(gradient);
    const direction = orthogonalised(gradient.add(next.mul(momentum)), iterations);
    const scaled = direction.mul(Math.sqrt(Math.max(1, rows / columns)));
    return { weight: weight.sub(scaled.add(weight.mul(weightDecay)).mul(rate)), momentum: next };
  },
});
