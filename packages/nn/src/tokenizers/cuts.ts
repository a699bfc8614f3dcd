// Where a text may be cut so that its pieces, tokenised one by one, give exactly the tokens of the whole. That is proved of the known
// parts of a tokenizer.json, for two kinds of places between plain characters x and y; where a part is unknown, or does not
// allow it, there is no such place, and the text must stay whole.
//
//   space     "x| y": the second piece begins with the space      newline   "x\n|y": the first piece ends with the line
//
// A plain character is a printable ASCII one or a letter of an old and common script. Such letters stay letters under all
// normalizers below, none of which looks across a space or a line end: they work on single characters or, as NFC does, on a character
// and the marks after it. So normalizing is the same in pieces. Then one pre-tokenizer must begin a new word at the place
// whatever stands around it, and those before it must not work across it: then the model sees the same words. Where no
// pre-tokenizer begins a word there, a BPE still merges nothing across "x▁" if no token of its vocabulary has it within.
import { knownPatterns } from './known-patterns.ts';
import { ownTokenizer } from './own-tokenizer.ts';
import { patternOf } from './port-limits.ts';
import type { Tokenizer } from './tokenizer.ts';
import { type Component, type TokenizerParts, tokenizerParts } from './tokenizer-json.ts';

/** Which places are safe. */
export interface Cuts {
  /** Between any two characters. */
  readonly anywhere: boolean;
  readonly space: boolean;
  readonly newline: boolean;
  /** The space itself is left out: it is put back before each piece by the tokenizer, as before the first. */
  readonly dropSpace: boolean;
  /** Which characters x and y may be. */
  readonly plain: RegExp;
}

const scripts =
  '\\u0391-\\u03a1\\u03b1-\\u03c1\\u0410-\\u044f\\u05d0-\\u05ea\\u0627-\\u063a\\u0641-\\u064a\\u3042-\\u3096\\u30a2-\\u30fa';
const han = '\\u4e00-\\u9fa5\\uac00-\\ud7a3';
const letters = 'A-Za-z';
const removesSpace = new Set(['Whitespace', 'WhitespaceSplit', 'BertPreTokenizer']);
const nowhere: Cuts = { anywhere: false, space: false, newline: false, dropSpace: false, plain: /[^]/ };

/** The places at which texts for `tokenizer` may be cut. */
export function cutsOf(tokenizer: Tokenizer): Cuts {
  if (tokenizer.kind !== 'huggingface') return { ...nowhere, anywhere: true };
  const json = tokenizer.toJSON();
  if (ownTokenizer(json)) return { ...nowhere, anywhere: true };
  return cutsFor(tokenizerParts(json));
}

function cutsFor(parts: TokenizerParts): Cuts {
  const normalized = normalizedSpace(parts.normalizers);
  if (!normalized) return nowhere;
  const { space, dropSpace, bert } = normalized;
  const words = wordPlaces(parts, space);
  const added = addedPlaces(parts, { bert, dropSpace });
  return {
    anywhere: false,
    dropSpace,
    space: words.space && added.space,
    newline:
      words.newline && added.newline && !dropSpace && (!bert || removesSpace.has(parts.preTokenizers[0]?.type ?? '')),
    plain: new RegExp(`[${words.punctuation && !dropSpace ? '!-~' : `${letters}0-9`}${scripts}${bert ? '' : han}]`),
  };
}

/** What becomes of a single space, where every normalizer is one that works on single characters. */
interface NormalizedSpace {
  readonly space: string;
  readonly dropSpace: boolean;
  /** BERT's, which puts spaces around Chinese characters. */
  readonly bert: boolean;
}

const characterwise = new Set(['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents', 'BertNormalizer']);

function normalizedSpace(normalizers: readonly Component[]): NormalizedSpace | undefined {
  let space = ' ';
  let prepended: unknown;
  for (const [index, part] of normalizers.entries()) {
    if (characterwise.has(part.type)) continue;
    if (part.type === 'Prepend' && index === 0) prepended = part['prepend'];
    else if (part.type === 'Replace' && replacesOne(part))
      space = patternOf(part, 'String') === space ? String(part['content']) : space;
    else return undefined;
  }
  if (space !== ' ' && space !== '▁') return undefined;
  if (prepended !== undefined && prepended !== space) return undefined;
  return {
    space,
    dropSpace: prepended !== undefined,
    bert: normalizers.some((part) => part.type === 'BertNormalizer'),
  };
}

/** A space for something, or one mark of punctuation for something visible. */
function replacesOne(part: Component): boolean {
  const pattern = patternOf(part, 'String');
  const content = part['content'];
  if (typeof pattern !== 'string' || typeof content !== 'string') return false;
  return pattern === ' ' || (/^[!-/:-@[-`{-~]$/.test(pattern) && /^[!-~]+$/.test(content));
}

interface Places {
  readonly space: boolean;
  readonly newline: boolean;
  /** Whether x and y may be punctuation. */
  readonly punctuation: boolean;
}

function wordPlaces({ preTokenizers, ...parts }: TokenizerParts, space: string): Places {
  let punctuation = true;
  for (const [index, part] of preTokenizers.entries()) {
    const found = placesOf(part, space);
    if (!found) return { space: false, newline: false, punctuation };
    punctuation &&= found.punctuation;
    if (found.space || found.newline) return { ...found, punctuation };
    // They write the space in another way, so that what is said below of those after them does not hold.
    const rewrites = part.type === 'Metaspace' || part.type === 'ByteLevel';
    if (rewrites && index < preTokenizers.length - 1) return { space: false, newline: false, punctuation };
  }
  return { space: mergesNothing(parts, preTokenizers, space), newline: false, punctuation };
}

/** Where a pre-tokenizer always begins a word; nothing for one that may work across a place without beginning a word there. */
function placesOf(part: Component, space: string): Places | undefined {
  const begins = { space: true, newline: true, punctuation: true };
  const passes = { space: false, newline: false, punctuation: true };
  const isSpace = space === ' ';
  switch (part.type) {
    case 'Whitespace':
    case 'WhitespaceSplit':
    case 'BertPreTokenizer':
      return { ...begins, space: isSpace };
    case 'ByteLevel':
      if (!isSpace) return undefined;
      return part['use_regex'] === false ? passes : { ...begins, newline: part['add_prefix_space'] === false };
    case 'Split':
      return isSpace && isKnownSplit(part) ? begins : undefined;
    case 'Metaspace':
      if (!isSpace && space !== part['replacement']) return undefined;
      return { ...begins, newline: false, space: part['split'] !== false };
    case 'CharDelimiterSplit':
      return { ...passes, space: part['delimiter'] === space, newline: part['delimiter'] === '\n' };
    case 'Digits':
      return passes;
    case 'Punctuation':
      return { ...passes, punctuation: false };
    default:
      return undefined;
  }
}

function isKnownSplit(part: Component): boolean {
  const behavior = part['invert'] === true ? 'Removed' : 'Isolated';
  return part['behavior'] === behavior && knownPatterns.has(String(patternOf(part, 'Regex')));
}

type Model = Pick<TokenizerParts, 'model' | 'modelType' | 'vocab'>;

/** Whether a BPE joins nothing across "x▁" of one long word: it knows the space, and no token has it after anything else. */
function mergesNothing(
  { model, modelType, vocab }: Model,
  preTokenizers: readonly Component[],
  normalized: string,
): boolean {
  if (modelType !== 'BPE' || model['continuing_subword_prefix'] || model['end_of_word_suffix']) return false;
  if (model['ignore_merges'] === true) return false;
  const [first] = preTokenizers;
  if (preTokenizers.some((part) => part.type !== 'Metaspace' && part.type !== 'ByteLevel') || preTokenizers.length > 1)
    return false;
  const space = first ? (first.type === 'ByteLevel' ? 'Ġ' : String(first['replacement'])) : normalized;
  if (!vocab.has(space)) return false;
  for (const token of vocab.keys()) {
    const last = token.lastIndexOf(space);
    if (last > 0 && token.slice(0, last) !== space.repeat(last)) return false;
  }
  return true;
}

/** Added tokens are found before words are. One that has a space within, or takes spaces beside it along, may lie across a place. */
function addedPlaces(
  { addedTokens, normalizers }: TokenizerParts,
  { bert, dropSpace }: { bert: boolean; dropSpace: boolean },
): Pick<Places, 'space' | 'newline'> {
  let [space, newline] = [true, true];
  for (const { content, ...token } of addedTokens) {
    const forms = token.normalized && normalizers.length > 0 ? [content, content.normalize('NFKD')] : [content];
    const risky = forms.some((form) => /[^\s▁][\s▁]/u.test(form)) || (bert && /[^!-~]/.test(content)) || content === '';
    const spaced = forms.some((form) => /[\s▁]/u.test(form));
    if (risky || token.rstrip || (token.single_word && spaced)) space = false;
    if (risky || spaced || token.lstrip || token.rstrip) newline = false;
    if (dropSpace && (spaced || forms.some((form) => /^[\p{L}\p{N}]/u.test(form)))) space = false;
  }
  return { space, newline };
}
