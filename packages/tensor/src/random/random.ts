// Random numbers as models and losses draw them: each a function of seed, step, shard, of how many draws came before it in the
// forward pass, and of the element. So a shard draws the same numbers whoever computes it, and computes it again.
import { type Recorder, recorderOf } from '../graph/recorder.ts';
import { dropout } from '../ops/dropout.ts';
import { randomNormal, randomUniform } from '../ops/random.ts';
import type { Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';

export interface RandomState {
  /** (4), of u32: seed (low word, high word), step, and first shard of the pass. */
  readonly counters: Tensor;
  /** Shards of the pass. */
  readonly shards?: number | undefined;
  /** Whether {@link Random.dropout} drops; false unless given. */
  readonly isTraining?: boolean;
}

/** The counters of a pass, to draw from. */
export class Random extends Tensor {
  readonly #recorder: Recorder;
  readonly #state: RandomState;
  /** What the recorder had counted before the first draw. */
  readonly #base: number;

  constructor(state: RandomState) {
    const { counters } = state;
    super(counters.device, counters, counters.stored ?? counters.computation!);
    this.#recorder = recorderOf('random', [counters]);
    this.#state = state;
    this.#base = this.#recorder.draws;
  }

  /** Numbers spread evenly over [low, high), 0 to 1 unless given. */
  uniform(shape: Shape, options: { readonly low?: number; readonly high?: number } = {}): Tensor {
    return randomUniform(this.#state.counters, shape, { ...options, ...this.#next() });
  }

  /** Normal numbers of mean 0 and standard deviation 1 unless given. */
  normal(shape: Shape, options: { readonly mean?: number; readonly std?: number } = {}): Tensor {
    return randomNormal(this.#state.counters, shape, { ...options, ...this.#next() });
  }

  /**
   * `x` with a share of its elements set to 0 and the rest scaled up while training, and `x` itself otherwise. Srivastava et al. 2014.
   * @param rate from 0, below 1
   */
  dropout(x: Tensor, rate: number): Tensor {
    if (rate === 0 || this.#state.isTraining !== true) return x;
    return dropout(x, this.#state.counters, { rate, layer: this.#next().layer });
  }

  #next(): { readonly layer: number; readonly shards: number | undefined } {
    return { layer: this.#recorder.draws++ - this.#base, shards: this.#state.shards };
  }
}
