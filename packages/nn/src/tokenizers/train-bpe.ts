// Learns a byte-level byte-pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909): again and again the commonest pair of
// neighbours within words becomes a token. Of equally common pairs the one whose tokens came first is taken, as Hugging Face's
// trainer takes it, so that the merges are the same as there, and the same wherever they are learned.
import { ConfigError } from '@lockstep/errors';
import { type BpeDescription } from './bpe.ts';
import { bpeConfig, bpeJSON } from './bpe-json.ts';
import { byteAlphabet } from './byte-alphabet.ts';
import { PairQueue } from './pair-queue.ts';
import type { TokenizerJSON } from './tokenizer.ts';

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/**
 * The tokenizer.json, and its tokenizer_config.json, of the `vocab` tokens that words with these counts give.
 * Throws ConfigError if there are fewer pairs to merge than that takes.
 */
export function trainBpe(
  counts: ReadonlyMap<string, number>,
  { vocab: size }: BpeDescription,
): { json: TokenizerJSON; config: TokenizerJSON } {
  const training = new BpeTraining(counts);
  while (training.tokens.length < size && training.mergeNext());
  const { tokens, merges } = training;
  if (tokens.length < size) {
    throw new ConfigError(
      `bpe: expected a text with ${size - 256} pairs to merge for a vocabulary of ${size}, got one with ${tokens.length - 256}\n` +
        `hint: vocab: ${Math.max(257, tokens.length)} is the most for this text, fewer are better`,
    );
  }
  const vocab = Object.fromEntries(tokens.map((token, id) => [token, id]));
  return { json: bpeJSON({ vocab, merges, preTokenizer: byteLevel, decoder: byteLevel }), config: bpeConfig };
}

/** Ids are below 2²¹, so a pair of them is a whole number that a double holds. */
const base = 2 ** 21;
const keyOf = (left: number, right: number): number => left * base + right;

class BpeTraining {
  /** By id: the bytes in the order of their names, then what is merged. */
  readonly tokens: string[] = byteAlphabet.toSorted();
  readonly merges: string[] = [];
  readonly #ids = new Map(this.tokens.map((token, id) => [token, id]));
  readonly #words: number[][] = [];
  readonly #occurrences: number[] = [];
  /** How often each pair occurs. Of a pair that has been merged what is left is not counted again, as the reference does not. */
  readonly #counts = new Map<number, number>();
  readonly #queue = new PairQueue();
  /** Words in which pairs have come about since the last merge. */
  #places = new Map<number, number[]>();

  constructor(counts: ReadonlyMap<string, number>) {
    const idOfByte = byteAlphabet.map((name) => this.#ids.get(name)!);
    const encoder = new TextEncoder();
    for (const [word, count] of counts) {
      const symbols = Array.from(encoder.encode(word), (byte) => idOfByte[byte]!);
      if (symbols.length < 2) continue;
      const index = this.#words.push(symbols) - 1;
      this.#occurrences.push(count);
      for (let i = 1; i < symbols.length; i++) this.#change(keyOf(symbols[i - 1]!, symbols[i]!), count, index);
    }
    this.#enqueue();
  }

  /** Merges the commonest pair; false where no pair is left. */
  mergeNext(): boolean {
    for (let top = this.#queue.pop(); top; top = this.#queue.pop()) {
      const count = this.#counts.get(top.key)!;
      if (count < 1) continue;
      if (count === top.count) {
        this.#merge(top.key, top.places);
        return true;
      }
      this.#queue.push({ ...top, count });
    }
    return false;
  }

  #merge(key: number, places: readonly number[]): void {
    const [left, right] = [Math.floor(key / base), key % base];
    const token = this.tokens[left]! + this.tokens[right]!;
    this.merges.push(`${this.tokens[left]} ${this.tokens[right]}`);
    const id = this.#ids.get(token) ?? this.tokens.push(token) - 1;
    this.#ids.set(token, id);
    for (const index of places) this.#mergeWithin(index, { left, right, id });
    this.#enqueue();
  }

  #mergeWithin(index: number, { left, right, id }: { left: number; right: number; id: number }): void {
    const symbols = this.#words[index]!;
    const count = this.#occurrences[index]!;
    let length = 0;
    for (let i = 0; i < symbols.length; i++) {
      if (symbols[i] !== left || symbols[i + 1] !== right) {
        symbols[length++] = symbols[i]!;
        continue;
      }
      i++;
      const before = length > 0 ? symbols[length - 1]! : undefined;
      const after = symbols[i + 1];
      symbols[length++] = id;
      if (before !== undefined) {
        this.#change(keyOf(before, left), -count, index);
        this.#change(keyOf(before, id), count, index);
      }
      if (after !== undefined) {
        this.#change(keyOf(right, after), -count, index);
        this.#change(keyOf(id, after), count, index);
      }
    }
    symbols.length = length;
  }

  #change(key: number, count: number, index: number): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
    if (count < 0) return;
    const places = this.#places.get(key);
    if (!places) this.#places.set(key, [index]);
    else if (places.at(-1) !== index) places.push(index);
  }

  #enqueue(): void {
    for (const [key, places] of this.#places) {
      const count = this.#counts.get(key)!;
      if (count > 0) this.#queue.push({ key, count, places });
    }
    this.#places = new Map();
  }
}
