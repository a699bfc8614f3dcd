// One number for all weights, by which runs are compared.
import type { TensorMap } from '@lockstep/nn';
import { sha256Hex } from './sha256-hex.ts';

/** SHA-256 over all parameters in the order of their names (by UTF-16 code units), as little-endian f32; in hex. */
export async function weightsSha256(weights: TensorMap): Promise<string> {
  const names = [...weights.keys()].toSorted((a, b) => (a < b ? -1 : 1));
  const size = names.reduce((sum, name) => sum + weights.get(name)!.data.length, 0);
  const view = new DataView(new ArrayBuffer(4 * size));
  let at = 0;
  for (const name of names) {
    for (const value of weights.get(name)!.data) {
      view.setFloat32(at, value, true);
      at += 4;
    }
  }
  return sha256Hex(view);
}
