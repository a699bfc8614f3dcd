// What gives the scores of the next token: the seam between generating and how a model is computed.
import { Random, type Device, type Tensor } from '@lockstep/tensor';

export interface TokenDecoder {
  readonly vocab: number;
  /**
   * Scores of the token after `tokens`, at least one and at most the context.
   * @param seen how many of them the call before was given, with the same beginning
   */
  next(tokens: readonly number[], seen: number): Promise<Float32Array>;
  /** Gives its memory back. */
  dispose(): void;
}

/** What a forward pass that generates draws from: dropout drops nothing. */
export function stillRandom(device: Device): { random: Random; counters: Tensor } {
  const counters = device.tensor(new Uint32Array(4));
  return { random: new Random({ counters }), counters };
}
