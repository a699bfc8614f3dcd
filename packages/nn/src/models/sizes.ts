// The sizes that language models share, and their ranges: well above all models that there are, for settings may come from a stranger and
// must not make memory run out before weights have been looked at.
import * as z from 'zod';
import { whole } from '../settings/settings.ts';

export interface Sizes {
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  /** Longest sequence, in tokens. */
  readonly context: number;
  /** Different tokens; the data's unless given. */
  readonly vocab?: number | undefined;
  /** Compute the activations of blocks again on the way back instead of keeping them: less memory, a third more work, the same bits. */
  readonly checkpoint?: boolean | undefined;
}

/** Options with what has a default filled in. */
export type WithDefaults<Options extends Sizes, Names extends keyof Options> = Omit<Options, Names | 'checkpoint'> & {
  readonly [Name in Names]-?: NonNullable<Options[Name]>;
} & { readonly checkpoint: boolean };

export const sizes: { [Name in keyof Sizes]-?: z.ZodType<Exclude<Sizes[Name], undefined>> } = {
  layers: whole({ to: 4096 }),
  heads: whole({ to: 2 ** 16 }),
  width: whole({ to: 2 ** 17 }),
  context: whole({ from: 2, to: 2 ** 20 }),
  vocab: whole({ to: 2 ** 24 }).optional() as unknown as z.ZodType<number>,
  checkpoint: z.boolean().describe('true or false').default(false),
};
