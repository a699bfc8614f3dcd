// A pass over the whole context for one more token: for models of which no token's work can be kept.
import { embedding, type Program, reshape, type Tensor } from '@lockstep/tensor';
import type { PlacedModel } from './generator.ts';
import { stillRandom, type TokenDecoder } from './token-decoder.ts';

/** A decoder that computes all tokens anew, those that are not there yet being 0. @throws {DeviceError} */
export async function createWindowDecoder({
  device,
  model,
  context,
}: PlacedModel & { readonly context: number }): Promise<TokenDecoder> {
  const tokens = device.empty([1, context], 'u32');
  const positions = device.tensor(
    Uint32Array.from({ length: context }, (_, i) => i),
    [1, context],
  );
  const last = device.empty([1], 'u32');
  const { random, counters } = stillRandom(device);
  const program: Program<Tensor> = await device.capture(() => {
    const logits = model.logits({ tokens, positions, random }); // (1, T, V)
    return embedding(last, reshape(logits, [context, -1])); // (1, V)
  });
  return {
    vocab: program.result.shape.at(-1)!,
    async next(given) {
      const padded = new Uint32Array(context);
      padded.set(given);
      tokens.write(padded);
      last.write(Uint32Array.of(given.length - 1));
      const [scores] = await device.submit([program, program.result]);
      return scores!;
    },
    dispose() {
      program.dispose();
      for (const tensor of [tokens, positions, last, counters]) tensor.dispose();
    },
  };
}
