// Keys and values of the tokens so far, of each attention that a model calls, in the order in which it calls them: with them, one more
// token costs one token's work.
import { decodeAttention, type DecodedAttention, type Decoder, type Device, type Tensor } from '@lockstep/tensor';

/** A model that cannot compute one token after the other. */
export class NotStepwiseError extends Error {}

/** Finds out how wide the keys and values of each attention are. */
export class CachePlan implements Decoder {
  readonly widths: number[] = [];

  /** @throws {NotStepwiseError} */
  attend(qkv: Tensor, { heads, kvHeads, isCausal, others }: DecodedAttention): Tensor {
    if (!isCausal) throw new NotStepwiseError('attention that is not causal');
    if (others.length > 0) throw new NotStepwiseError(`attention with ${others.join(', ')}`);
    const [batch, tokens, width] = qkv.shape as [number, number, number];
    if (tokens !== 1) throw new NotStepwiseError('attention of several tokens');
    const headSize = width / (heads + 2 * kvHeads);
    this.widths.push(2 * kvHeads * headSize);
    return (qkv.device as Device).empty([batch, 1, heads * headSize]);
  }
}

export class KeyValueCache implements Decoder {
  readonly layers: readonly Tensor[]; // each (B, context, width)
  /** Place of the token that is being computed; all sequences are at the same. */
  readonly position: Tensor; // (1) u32
  #next = 0;

  /** Room for a whole context of `sequences` sequences. */
  constructor(
    device: Device,
    { widths, context, sequences = 1 }: { widths: readonly number[]; context: number; sequences?: number },
  ) {
    this.layers = widths.map((width) => device.empty([sequences, context, width]));
    this.position = device.tensor(Uint32Array.of(0));
  }

  /** Puts the token's keys and values in place, and lets its queries attend to all so far. */
  attend(qkv: Tensor, options: DecodedAttention): Tensor {
    const layer = this.layers[this.#next++ % this.layers.length]!;
    return decodeAttention(qkv, layer, this.position, options);
  }

  dispose(): void {
    for (const tensor of [...this.layers, this.position]) tensor.dispose();
  }
}
