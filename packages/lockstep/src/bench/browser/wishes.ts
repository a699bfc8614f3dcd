// What whoever serves the page tells it.
import type { NamedCase, RowWishes } from '../kernels/wanted-rows.ts';

export interface Wishes extends RowWishes {
  /** Whose version it is. */
  readonly lockstep: string;
  readonly rounds: number;
  /** Seconds that the proving of a kernel, or one round of it, may take. */
  readonly deadline: number;
  /** Ticked in the page, and the only ones there; all ops at their own sizes unless given. */
  readonly cases?: readonly NamedCase[] | undefined;
  /** Whether the page's server wants the file. */
  readonly deliver: boolean;
}

/** The element of the page that holds them, as JSON. */
export const wishesId = 'wishes';
/** Where a file is posted to, beside the page. */
export const deliveryPath = 'result';
