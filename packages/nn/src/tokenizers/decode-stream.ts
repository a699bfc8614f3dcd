// Decoding token by token, for text that is shown while it is generated.
import type { Tokenizer } from './tokenizer.ts';

/** Takes ids one by one and gives the text that has become certain. */
export interface DecodeStream {
  /** The text that `id` completes; empty while a UTF-8 sequence is incomplete. */
  push(id: number): Promise<string>;
  /** What was held back, as it stands: an incomplete sequence becomes U+FFFD. */
  end(): Promise<string>;
}

/** All pieces together are the text that `tokenizer.decode` gives for all ids together. */
export function decodeStream(tokenizer: Tokenizer): DecodeStream {
  // Ids are decoded in the company of those since the last certain boundary but one, because a decoder may treat the
  // first token of a text in a way of its own (drop the space before it).
  let ids: number[] = [];
  let settled = 0;
  let shown = 0;
  return {
    async push(id) {
      ids.push(id);
      const text = await tokenizer.decode(ids);
      const certain = text.endsWith('\uFFFD') ? text.length - 1 : text.length;
      const piece = text.slice(shown, certain);
      shown = Math.max(shown, certain);
      if (certain === text.length) {
        ids = ids.slice(settled);
        settled = ids.length;
        shown = (await tokenizer.decode(ids)).length;
      }
      return piece;
    },
    end: async () => (await tokenizer.decode(ids)).slice(shown),
  };
}
