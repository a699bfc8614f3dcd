// A tokenizer from the content of a tokenizer.json, whoever wrote it, where there is no Node. With Node it is `openTokenizer`.
import { huggingface } from './huggingface.ts';
import { ownTokenizer } from './own-tokenizer.ts';
import type { Tokenizer, TokenizerJSON } from './tokenizer.ts';

/** Gives back the tokenizer that wrote `json`; one from elsewhere becomes a `huggingface` tokenizer. Throws ConfigError if it is none. */
export function tokenizerFromJSON(json: unknown, config: TokenizerJSON = {}): Tokenizer {
  return ownTokenizer(json) ?? huggingface(json as TokenizerJSON, config);
}
