// The network fused by hand: forward and backward written out, dispatch by dispatch, with kernels made for it. Attention, whose backward begins
// where the rest of the network has gone forward and back, is the op's own.
import { ops, type Parameter, type Tensor, treeSum, withGradients } from 'lockstep';
import * as kernels from './by-hand-kernels.ts';
import { type Batch, type Block, type Device, headSize, type Network, sizes, type Weights } from './problem.ts';

const { context, width, heads, vocab, shards, cap } = sizes;
const rows = shards * context;

export function networkByHand(device: Device, weights: Weights, batch: Batch): Network {
  return { step: () => new Step(device, weights, batch).run() };
}

/** A matrix, and how its elements are walked; of each shard, or one for all. */
interface Operand {
  readonly tensor: Tensor;
  readonly transposed?: boolean;
}

interface Product {
  readonly a: Operand;
  readonly b: Operand;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  readonly ending?: kernels.Ending;
  /** What the ending reads and writes beside. */
  readonly beside?: Tensor;
  readonly pre?: Tensor;
}

class Step {
  readonly #device: Device;
  readonly #weights: Weights;
  readonly #batch: Batch;

  constructor(device: Device, weights: Weights, batch: Batch) {
    this.#device = device;
    this.#weights = weights;
    this.#batch = batch;
  }

  /** The loss of each shard. */
  run(): Tensor {
    const { tokens } = this.#batch;
    const { embed } = this.#weights;
    const [x, rstd, loss] = [this.#rows(width), this.#numbers(rows), this.#device.empty([], 'f32', shards)];
    this.#perRow(kernels.embedAndNorm, { tokens, table: embed, y: x, rstd }, { rows, columns: width });
    const dx = this.#fromBlock(0, x, loss);
    const de = this.#normBackward({ y: x, rstd, dy: dx, beside: this.#batch.zeros, dx: this.#rows(width) });
    const dtable = this.#device.empty([vocab, width], 'f32', shards);
    const sizesOf = { rows: shards * vocab, columns: width, context, vocab };
    this.#perRow(kernels.embeddingBackward, { tokens, dy: de, dtable }, sizesOf);
    treeSum(this.#device, dtable, embed.gradient);
    return loss;
  }

  /** From the input of a block forward to the loss, and back to the gradient of that input. */
  #fromBlock(index: number, x: Tensor, loss: Tensor): Tensor {
    const block = this.#weights.blocks[index];
    return block ? this.#block({ block, index, x, loss }) : this.#head(x, loss);
  }

  #block({ block, index, x, loss }: { block: Block; index: number; x: Tensor; loss: Tensor }): Tensor {
    const [n, rstd] = this.#normalised(x);
    const qkv = this.#product({ a: { tensor: n }, b: { tensor: block.qkv }, m: rows, n: 3 * width, k: width });
    const [turned, headRstd] = [
      this.#device.empty([1, context, 3 * width], 'f32', shards),
      this.#numbers(3 * heads * rows),
    ];
    const { cosines, sines } = this.#batch;
    const turning = { rows: 3 * heads * rows, columns: headSize, heads, context };
    this.#perRow(kernels.normAndTurn, { x: qkv, cosines, sines, y: turned, rstd: headRstd }, turning);
    // Made here: what is made within, ends with it.
    const dseen = this.#rows(width);
    const { gradients } = withGradients(this.#device, () => ops.attention(turned, { heads, causal: true }), {
      wanted: [turned],
      seed: (attended) => {
        this.#afterAttention({ block, index, x, attended, dseen, loss });
        return this.#backThrough(block.out, attended, dseen, width);
      },
    });
    const dqkv = this.#rows(3 * width);
    const tensors = { x: qkv, rstd: headRstd, cosines, sines, dy: gradients[0]!, dx: dqkv };
    this.#perRow(kernels.normAndTurnBackward, tensors, turning);
    const dn = this.#backThrough(block.qkv, n, dqkv, width);
    return this.#normBackward({ y: n, rstd, dy: dn, beside: dseen, dx: this.#rows(width) });
  }

  /** The rest of a block, and what comes after it; `dseen` is the gradient of x and what attention adds to it. */
  #afterAttention(given: { block: Block; index: number } & Record<'x' | 'attended' | 'dseen' | 'loss', Tensor>): void {
    const { block, index, x, attended, dseen, loss } = given;
    const out = { a: { tensor: attended }, b: { tensor: block.out }, m: rows, n: width, k: width };
    const seen = this.#product({ ...out, ending: 'add', beside: x });
    const [n, rstd] = this.#normalised(seen);
    const pre = this.#rows(4 * width);
    const up = { a: { tensor: n }, b: { tensor: block.up }, m: rows, n: 4 * width, k: width };
    const squared = this.#product({ ...up, ending: 'squaredRelu', pre });
    const down = { a: { tensor: squared }, b: { tensor: block.down }, m: rows, n: width, k: 4 * width };
    const y = this.#product({ ...down, ending: 'add', beside: seen });
    const dy = this.#fromBlock(index + 1, y, loss);
    const dpre = this.#backThrough(block.down, squared, dy, 4 * width, { ending: 'squaredReluBackward', beside: pre });
    const dn = this.#backThrough(block.up, n, dpre, width);
    this.#normBackward({ y: n, rstd, dy: dn, beside: dy, dx: dseen });
  }

  #head(x: Tensor, loss: Tensor): Tensor {
    const { head } = this.#weights;
    const [n, rstd] = this.#normalised(x);
    const logits = this.#product({
      a: { tensor: n },
      b: { tensor: head },
      m: rows,
      n: vocab,
      k: width,
      ending: 'capped',
    });
    const [losses, dlogits] = [this.#numbers(rows), this.#rows(vocab)];
    const tensors = { logits, targets: this.#batch.targets, losses, dx: dlogits };
    this.#perRow(kernels.lossAndGradient, tensors, { rows, columns: vocab, context, cap });
    this.#perRow(kernels.meanOfRows, { x: losses, y: loss }, { rows: shards, columns: context });
    const dn = this.#backThrough(head, n, dlogits, width);
    return this.#normBackward({ y: n, rstd, dy: dn, beside: this.#batch.zeros, dx: this.#rows(width) });
  }

  #normalised(x: Tensor): [y: Tensor, rstd: Tensor] {
    const [y, rstd] = [this.#rows(width), this.#numbers(rows)];
    this.#perRow(kernels.norm, { x, y, rstd }, { rows, columns: width });
    return [y, rstd];
  }

  #normBackward(tensors: Record<'y' | 'rstd' | 'dy' | 'beside' | 'dx', Tensor>): Tensor {
    this.#perRow(kernels.normBackwardAndAdd, tensors, { rows, columns: width });
    return tensors.dx;
  }

  /** The gradient of a product's rows x (…, K), after that of its weight is in place. */
  #backThrough(
    weight: Parameter,
    x: Tensor,
    dy: Tensor,
    k: number,
    after: Pick<Product, 'ending' | 'beside'> = {},
  ): Tensor {
    const n = weight.shape[1]!;
    const partial = { m: k, n, k: context, batch: shards };
    const partials = this.#device.empty([k, n], 'f32', shards);
    this.#into(partials, { ...partial, a: { tensor: x, transposed: true }, b: { tensor: dy } });
    treeSum(this.#device, partials, weight.gradient);
    return this.#product({ a: { tensor: dy }, b: { tensor: weight, transposed: true }, m: rows, n: k, k: n, ...after });
  }

  #product(product: Product): Tensor {
    const c = this.#rows(product.n);
    this.#into(c, product);
    return c;
  }

  #into(c: Tensor, { a, b, m, n, k, batch = 1, ending = 'plain', beside, pre }: Product): void {
    const family = this.#device.families.matmul;
    const params = {
      ...sizesOf({ m, n, k }),
      ...(a.transposed ? { aRow: 1, aCol: m } : { aRow: k, aCol: 1 }),
      ...(b.transposed ? { bRow: 1, bCol: k } : { bRow: n, bCol: 1 }),
    };
    const tensors = { a: a.tensor, b: b.tensor, bias: beside ?? a.tensor, c, pre: pre ?? this.#device.nowhere };
    const tile = { portable: [8, 32], subgroup: [32, 32], tiled: [64, 64] }[family] as [number, number];
    const groups = [Math.ceil(n / tile[1]), Math.ceil(m / tile[0]), batch] as const;
    const transposes = { transposeA: Number(a.transposed ?? false), transposeB: Number(b.transposed ?? false) };
    const constants = family === 'tiled' ? transposes : family === 'subgroup' ? { kStep: k % 2 === 0 ? 2 : 1 } : {};
    this.#device.run(kernels.productWith(ending, family), tensors, params, groups, constants);
  }

  #perRow(kernel: Parameters<Device['run']>[0], tensors: Record<string, Tensor>, params: Record<string, number>): void {
    this.#device.run(kernel, tensors, params, [Math.ceil(params['rows']! / 8)]);
  }

  /** Room for rows of all shards. */
  #rows(columns: number): Tensor {
    return this.#device.empty([1, context, columns], 'f32', shards);
  }

  #numbers(count: number): Tensor {
    return this.#device.empty([count]);
  }
}

/** Dense matrices from the start of each tensor. */
function sizesOf({ m, n, k }: Pick<Product, 'm' | 'n' | 'k'>) {
  return { M: m, N: n, K: k, aBatch: m * k, a0: 0, bBatch: k * n, b0: 0, cBatch: m * n, ldc: n, c0: 0 };
}
