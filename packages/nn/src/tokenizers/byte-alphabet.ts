// GPT-2's names for bytes, by which byte-level tokenizers write any text in characters that can be seen.

/** The character that stands for each byte: printable ones stand for themselves, the others take the code points from 256 on. */
export const byteAlphabet: readonly string[] = names();

function names(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
}

function isPrintable(byte: number): boolean {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
}
