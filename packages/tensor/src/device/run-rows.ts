// Kernels that work row by row: the same for any number of rows, in pieces that the adapter can bind.
import type { AnyKernel, Kernel } from '@lockstep/kernels';
import { withEpilogue, type WithEpilogue } from '../fuse/epilogue-kernel.ts';
import { rowsApart } from '../fuse/rows-apart.ts';
import { isBindableDense } from '../graph/bindable-dense.ts';
import type { Bindable } from '../graph/lower.ts';
import type { Tensor } from '../tensor.ts';
import type { Dispatcher } from './dispatcher.ts';
import { type RowPiece, rowPieces } from './pieces.ts';
import { rowTeams } from './row-teams.ts';

export interface Rows<Binding extends string, Whole extends Binding> {
  /** Tensors with as many elements for every row. */
  readonly byRow: Readonly<Record<Exclude<Binding, Whole>, Tensor>>;
  /** Tensors that every row reads. */
  readonly whole?: Readonly<Record<Whole, Tensor>>;
  /** The rows of all shards. */
  readonly rows: number;
  /** Elements of the row that a team of lanes shares. */
  readonly columns: number;
  /** Operations on each element of a row, for benchmarks; 0 unless given. */
  readonly flops?: number;
  /** The tensor that the kernel stores by its `store_element`: ops that follow may be done there. */
  readonly output?: Tensor;
  /** Overrides of the kernel's own. */
  readonly constants?: Readonly<Record<string, number>>;
}

/** Dispatches a kernel over rows; in one piece together with ops that follow it, and with rows of `x` wherever they lie. */
export function runRows<
  Params extends Record<string, number>,
  Binding extends string,
  Constant extends string,
  Whole extends Binding = never,
>(
  device: Dispatcher,
  kernel: Kernel<Params, Binding, Constant | 'lanes' | 'team'>,
  rows: Rows<NoInfer<Binding>, Whole>,
  ...[params]: keyof Params extends 'rows' | 'columns' ? [] : [params: Omit<NoInfer<Params>, 'rows' | 'columns'>]
): void {
  const { byRow, whole, rows: count, columns, flops = 0, constants: own = {}, output } = rows;
  const given = { kernel: kernel as unknown as AnyKernel, byRow: byRow as Readonly<Record<string, Tensor>> };
  const apart = placed(device, given, count);
  const joined = output && apart.pieces.length === 1 ? joinedWith(device, apart.kernel, output) : undefined;
  for (const { rows: some, part } of apart.pieces) {
    const { workgroups, constants } = rowTeams(device, some, columns);
    const parts = Object.entries(apart.byRow).map(([name, tensor]) => [
      name,
      part(tensor === output && joined ? joined.output : tensor),
    ]);
    const bound = { ...whole, ...Object.fromEntries(parts), ...apart.ranges, ...joined?.ranges } as Record<
      string,
      Bindable
    >;
    const all = { ...params, rows: some, columns, ...apart.params, ...joined?.params };
    const work = { flops: flops * some * columns + (joined?.work.flops ?? 0) };
    device.run(joined?.kernel ?? apart.kernel, bound, all, workgroups, { ...own, ...constants }, work);
  }
}

interface Given {
  readonly kernel: AnyKernel;
  readonly byRow: Readonly<Record<string, Tensor>>;
}

interface Placed extends Given {
  readonly pieces: readonly RowPiece[];
  /** What is bound and told beside, where rows of `x` lie apart. */
  readonly ranges?: Readonly<Record<string, Bindable>>;
  readonly params?: Readonly<Record<string, number>>;
}

/** Rows in pieces; where those of `x` lie apart the kernel reads them so if it can at once, else from a copy. */
function placed(device: Dispatcher, { kernel, byRow }: Given, count: number): Placed {
  const { x, ...others } = byRow;
  if (!x || isBindableDense(x)) return { kernel, byRow, pieces: rowPieces(device, count, Object.values(byRow)) };
  const pieces = rowPieces(device, count, Object.values(others));
  const apart = pieces.length === 1 ? rowsApart(kernel, x, device.limits.maxStorageBufferBindingSize) : undefined;
  if (apart) return { kernel: apart.kernel, byRow: others, pieces, ranges: { x: apart.range }, params: apart.params };
  const copy = device.empty(x.shape, x.dtype, x.shards);
  device.copy(x, copy);
  const dense = { ...byRow, x: copy };
  return { kernel, byRow: dense, pieces: rowPieces(device, count, Object.values(dense)) };
}

/** The kernel with the ops that follow, if it can take them. */
function joinedWith(
  device: Dispatcher,
  kernel: AnyKernel,
  own: Tensor,
): (WithEpilogue & { readonly output: Tensor }) | undefined {
  const after = device.epilogueOf(own);
  const joined = after && withEpilogue(kernel, after.epilogue, device.limits.maxStorageBufferBindingSize);
  if (!joined) return undefined;
  after.take();
  return { ...joined, output: after.epilogue.output };
}
