// What the JavaScript port does as the reference does. Both were compared on the kinds of all four models with every normalizer,
// pre-tokenizer and flag of added tokens, over texts of many scripts; what differed on any of them is not in these lists.
import { ConfigError } from '@lockstep/errors';
import { quote } from '../quote.ts';
import { knownPatterns } from './known-patterns.ts';
import type { Component, TokenizerParts } from './tokenizer-json.ts';

const normalizers = new Set(['NFC', 'NFD', 'NFKC', 'NFKD', 'StripAccents', 'Prepend', 'Replace']);

/** Throws ConfigError with the first part of a tokenizer.json that the port would not do as the reference does. */
export function requirePortable(parts: TokenizerParts): void {
  const problem = modelProblem(parts) ?? partProblem(parts) ?? wordStartProblem(parts) ?? addedProblem(parts);
  if (problem === undefined) return;
  throw new ConfigError(
    `huggingface: expected a tokenizer.json that JavaScript reads as the reference does, got ${problem}\n` +
      'hint: in Node the reference itself tokenises, and takes all',
  );
}

function modelProblem({ model, modelType, preTokenizers }: TokenizerParts): string | undefined {
  if (modelType === 'BPE') {
    const affix = ['continuing_subword_prefix', 'end_of_word_suffix'].find((name) => model[name]);
    return affix && `a BPE with ${affix}`;
  }
  if (modelType !== 'Unigram') return `a model of type ${named(modelType)}`;
  if (model['byte_fallback'] === true) return 'a Unigram with byte_fallback';
  const [first, ...others] = preTokenizers;
  const byWord = first?.type === 'Metaspace' && first['split'] !== false && others.length === 0;
  return byWord ? undefined : 'a Unigram that is not split by Metaspace';
}

function partProblem({ normalizers: applied, preTokenizers }: TokenizerParts): string | undefined {
  const normalizer = applied.find((part) => !isPortableNormalizer(part));
  if (normalizer) return `the normalizer ${named(normalizer.type)}`;
  const preTokenizer = preTokenizers.find((part) => !isPortablePreTokenizer(part));
  return preTokenizer && `the pre-tokenizer ${named(preTokenizer.type)}${details[preTokenizer.type] ?? ''}`;
}

/** A name as it is where it is one; else it is somebody's text. */
const named = (type: string): string => (/^\w{1,80}$/.test(type) ? type : quote(String(type)));

const details: Readonly<Record<string, string>> = { Split: ' with this pattern', ByteLevel: ' with add_prefix_space' };

function isPortableNormalizer(part: Component): boolean {
  if (part.type === 'BertNormalizer') return part['lowercase'] === false && part['strip_accents'] !== true;
  return normalizers.has(part.type) && (part.type !== 'Replace' || typeof patternOf(part, 'String') === 'string');
}

function isPortablePreTokenizer(part: Component): boolean {
  if (part.type === 'ByteLevel') return part['use_regex'] === false || part['add_prefix_space'] === false;
  if (part.type !== 'Split') return part.type === 'Metaspace';
  const whole = part['invert'] === true ? 'Removed' : 'Isolated';
  return part['behavior'] === whole && knownPatterns.has(String(patternOf(part, 'Regex')));
}

/** The text of a pattern that is a string, or a regular expression. */
export function patternOf(part: Component, kind: 'String' | 'Regex'): unknown {
  return (part['pattern'] as Readonly<Record<string, unknown>> | undefined)?.[kind];
}

/** The port does not split between two starts of words. */
function wordStartProblem({ preTokenizers, vocab }: TokenizerParts): string | undefined {
  const start = preTokenizers.find((part) => part.type === 'Metaspace' && part['split'] !== false)?.['replacement'];
  if (typeof start !== 'string') return undefined;
  const across = [...vocab.keys()].find((token) => token.includes(start, 1));
  return across && `the token ${quote(across)}, which Metaspace lets no word hold`;
}

function addedProblem({ addedTokens, normalizers: applied }: TokenizerParts): string | undefined {
  for (const token of addedTokens) {
    const flag = (['single_word', 'lstrip', 'rstrip'] as const).find((name) => token[name]);
    if (flag) return `the added token ${quote(token.content)} with ${flag}`;
    if (token.normalized && applied.length > 0) return `the added token ${quote(token.content)} with normalized`;
  }
  return undefined;
}
