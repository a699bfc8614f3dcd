// Kernels that work row by row: the same for any number of rows, in pieces that the adapter can bind.
import type { Kernel } from '@lockstep/kernels';
import type { Tensor } from '../tensor.ts';
import type { Dispatcher } from './dispatcher.ts';
import { rowPieces } from './pieces.ts';
import { rowTeams } from './row-teams.ts';

export interface Rows<Binding extends string, Whole extends Binding> {
  /** Tensors with as many elements for every row. */
  readonly byRow: Readonly<Record<Exclude<Binding, Whole>, Tensor>>;
  /** Tensors that every row reads. */
  readonly whole?: Readonly<Record<Whole, Tensor>>;
  /** Of all shards. */
  readonly rows: number;
  /** Elements of the row that a team of lanes shares. */
  readonly columns: number;
  /** Overrides of the kernel's own. */
  readonly constants?: Readonly<Record<string, number>>;
}

/** Dispatches a kernel over rows. */
export function runRows<
  Params extends Record<string, number>,
  Binding extends string,
  Constant extends string,
  Whole extends Binding = never,
>(
  device: Dispatcher,
  kernel: Kernel<Params, Binding, Constant | 'lanes' | 'team'>,
  { byRow, whole, rows: all, columns, constants: own = {} }: Rows<NoInfer<Binding>, Whole>,
  ...[params]: keyof Params extends 'rows' | 'columns' ? [] : [params: Omit<NoInfer<Params>, 'rows' | 'columns'>]
): void {
  const entries = Object.entries<Tensor>(byRow);
  const tensors = entries.map(([, tensor]) => tensor);
  for (const { rows, part } of rowPieces(device, all, tensors)) {
    const { workgroups, constants } = rowTeams(device, rows, columns);
    const bound = { ...whole, ...Object.fromEntries(entries.map(([name, tensor]) => [name, part(tensor)])) };
    const given = { ...params, rows, columns } as unknown as Params;
    device.run(kernel, bound as Record<Binding, Tensor>, given, workgroups, { ...own, ...constants } as Record<
      Constant | 'lanes' | 'team',
      number
    >);
  }
}
