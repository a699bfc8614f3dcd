// Regular expressions by which well-known tokenizers split text into words. What is said of them elsewhere (that a text may be cut
// at certain places, that JavaScript matches as the reference does) has been shown of these texts and of no others.

/** GPT-2, and all that is called byte-level. */
export const gpt2Pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const rest = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/** The patterns of GPT-2, GPT-4 (Llama 3) and Qwen 2. */
export const knownPatterns: ReadonlySet<string> = new Set([
  gpt2Pattern,
  `${contraction}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|${rest}`,
  `${contraction}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|${rest}`,
]);
