// The network as a user writes it: ops that `lockstep` exports, and nothing that says what is to be fused.
import { differentiate, ops, type Tensor } from 'lockstep';
import { type Batch, type Block, type Device, type Network, sizes, type Weights } from './problem.ts';

const { attention, capped, crossEntropy, embedding, joinHeads, matmul, relu, rmsNorm, rotary, split, square } = ops;
const { width, heads } = sizes;

export function networkOfOps(device: Device, weights: Weights, batch: Batch): Network {
  return { step: () => differentiate(device, () => lossOf(weights, batch)) };
}

function lossOf({ embed, blocks, head }: Weights, batch: Batch): Tensor {
  let x = rmsNorm(embedding(batch.tokens, embed)); // (1, T, C)
  for (const block of blocks) x = throughBlock(x, block, batch);
  const logits = capped(matmul(rmsNorm(x), head), sizes.cap); // (1, T, V)
  return crossEntropy(logits, batch.targets);
}

function throughBlock(x: Tensor, { qkv, out, up, down }: Block, batch: Batch): Tensor {
  const [qk, v] = split(matmul(rmsNorm(x), qkv), [2 * width, width], { heads: [2 * heads, heads] }) as [Tensor, Tensor]; // (1, 2·H, T, D), (1, H, T, D)
  // Queries and keys are normalised and turned alike.
  const [q, k] = split(rotary(rmsNorm(qk), batch.positions), 2, { axis: 1 }) as [Tensor, Tensor];
  const attended = joinHeads(attention(q, k, v, { causal: true }));
  const y = x.add(matmul(attended, out));
  return y.add(matmul(square(relu(matmul(rmsNorm(y), up))), down));
}
