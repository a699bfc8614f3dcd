// What training minimises: the mean cross-entropy of the next token over the whole global batch.
import { crossEntropy, type Tensor } from '@lockstep/tensor';
import type { ForwardInputs, Model } from './models/model.ts';
import type { Parameters } from './parameters.ts';

/**
 * The part of the mean loss that each shard contributes, in nats per token: divided by the number of rows of the whole batch, so that
 * the parts of all shards add up to the mean.
 * @param rows tokens in the global batch.
 */
export function languageModelLoss(
  model: Model,
  parameters: Parameters,
  inputs: ForwardInputs & { readonly targets: Tensor /* (B, T) */ },
  { rows }: { rows: number },
): Tensor /* () */ {
  return crossEntropy(model.logits(parameters, inputs), inputs.targets, { rows });
}
