// What a language model learns by: the cross-entropy of each next token.
import { crossEntropy, type Tensor } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/errors';
import { defineLoss, type LossValue } from './define-loss.ts';

/** The mean of −log p(next token) over all tokens, in nats: what a run minimises unless it says otherwise. */
export const nextToken: () => LossValue = defineLoss(
  (model, inputs) => {
    const { targets } = inputs as { readonly targets?: Tensor };
    if (!targets)
      throw new ConfigError(
        `nextToken: expected data with targets, such as text(…), got ${Object.keys(inputs).join(', ')}\nhint: other data needs a loss of its own: loss: defineLoss(…)()`,
      );
    return { loss: crossEntropy(model.logits(inputs), targets) };
  },
  { name: 'nextToken', of: 'targets' },
);
