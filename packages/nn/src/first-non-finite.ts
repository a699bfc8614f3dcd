// Where a list of numbers first holds one that is none: NaN or an infinity. Tested in integers, one pass.

/** The index of the first NaN or infinity among `values`; -1 where all are finite. */
export function firstNonFinite(values: Float32Array): number {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) if ((words[i]! & exponent) === exponent) return i;
  return -1;
}

/** An f32 whose exponent bits are all set is an infinity, or NaN. */
const exponent = 0x7f800000;
