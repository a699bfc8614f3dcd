// Kernels of fixed text over rows that do not lie one after the other: heads within a projection, parts of wider rows. Such a kernel asks
// `start_of_x(row)` where a row of its operand x begins; what that function says is written from the layout.
import type { AnyKernel } from '@lockstep/kernels';
import type { Emission } from '../graph/emitter.ts';
import type { Tensor } from '../tensor.ts';
import { generated } from './generated.ts';
import { address, indices, isBindable, rangeOf, shortened } from './walk.ts';

/** The function that such a kernel has on a line of its own. */
const seam = /^fn start_of_x\(row: u32\) -> u32 \{ return row \* params\.columns; \}$/m;

export interface RowsApart {
  readonly kernel: AnyKernel;
  readonly range: Emission['ranges'][string];
  readonly params: { readonly x_at: number };
}

/** The kernel for `x` as it lies; undefined where the elements of a row do not lie side by side, or x cannot be bound at once. */
export function rowsApart(
  base: AnyKernel,
  { shape, shards = 1, dtype, stored }: Tensor,
  mostBindable: number,
): RowsApart | undefined {
  const { memory, layout } = stored!;
  const all = { memory, dtype, offset: layout.offset, strides: [layout.shard, ...layout.strides] };
  const lengths = [shards, ...shape];
  if (layout.strides.at(-1) !== 1 || !isBindable({ lengths, operands: [all] }, mostBindable)) return undefined;
  const rows = shortened({ lengths: lengths.slice(0, -1), operands: [{ ...all, strides: all.strides.slice(0, -1) }] });
  const at = indices('row', rows.lengths, 'i');
  const start = address('params.x_at', at.names, rows.operands[0]!.strides);
  const text = base.code
    .replace(/^struct Params \{([^}]*)\}/m, (_, own: string) => `struct Params {${own}  x_at: u32,\n}`)
    .replace(seam, `fn start_of_x(row: u32) -> u32 {\n  ${[...at.lines, `return ${start};`].join('\n  ')}\n}`);
  const { offset, ...range } = rangeOf(all, lengths);
  return { kernel: generated(`${base.name}_rowsApart`, text), range, params: { x_at: offset } };
}
