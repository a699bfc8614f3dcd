// Optimizers as a run describes them. What they compute is in nn; here are their names, settings and defaults.

/** Adam with decoupled weight decay (Loshchilov & Hutter 2017). */
export interface AdamWDescription {
  readonly kind: 'adamw';
  /** Decay of the mean of gradients. */
  readonly beta1: number;
  /** Decay of the mean of squared gradients. */
  readonly beta2: number;
  readonly epsilon: number;
  /** Applies to matrices and embeddings, not to biases and norms. */
  readonly weightDecay: number;
  /** Gradients with a larger global norm are scaled down to it; 0 for no limit. */
  readonly clipNorm: number;
}

/** Stochastic gradient descent with momentum. */
export interface SgdDescription {
  readonly kind: 'sgd';
  readonly momentum: number;
  readonly weightDecay: number;
  /** As in {@link AdamWDescription}. */
  readonly clipNorm: number;
}

export type OptimizerDescription = AdamWDescription | SgdDescription;

/** AdamW; what is left out is as GPT-3 has it (Brown et al. 2020, appendix B). */
export function adamw(options: Partial<Omit<AdamWDescription, 'kind'>> = {}): AdamWDescription {
  return { kind: 'adamw', beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, clipNorm: 1, ...options };
}

/** Plain gradient descent, unless momentum, decay or clipping is asked for. */
export function sgd(options: Partial<Omit<SgdDescription, 'kind'>> = {}): SgdDescription {
  return { kind: 'sgd', momentum: 0, weightDecay: 0, clipNorm: 0, ...options };
}
