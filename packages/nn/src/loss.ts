// What training minimises: the mean cross-entropy of the next token over the whole global batch.
import { crossEntropy, type Tensor } from '@lockstep/tensor';
import type { ForwardInputs, Model } from './models/model.ts';
import type { Parameters } from './parameters.ts';

/**
 * The part of the mean loss that a pass contributes, in nats per token: the canonical sum over its shards, divided by the
 * number of rows of the whole batch, so that the parts of all passes add up to the mean.
 * @param rows tokens in the global batch.
 */
export function languageModelLoss(
  model: Model,
  parameters: Parameters,
  inputs: ForwardInputs & { readonly targets: Tensor /* (B, T) */ },
  { rows }: { rows: number },
): Tensor /* (1) */ {
  const { shards = 1 } = inputs;
  return crossEntropy(model.logits(parameters, inputs), inputs.targets, { rows, shards });
}
