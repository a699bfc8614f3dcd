// Sizes as users write them.

/** The lengths of `1024x1024`; undefined for what is none. */
export function parseLengths(text: string): number[] | undefined {
  const lengths = text.split('x').map(Number);
  return lengths.every((length) => Number.isInteger(length) && length >= 1) ? lengths : undefined;
}
