// A step of a language model over tokens of chance, to be measured.
import { adamW, type ModelValue } from '@lockstep/nn';
import { plural } from '../../console/wording.ts';
import type { StepOrder } from './measure-step.ts';

export interface LanguageStep {
  readonly name: string;
  readonly model: ModelValue;
  /** Sequences of a step. */
  readonly batch: number;
  readonly context: number;
  readonly vocab: number;
  readonly shards: number;
}

/** Forward, backward, norm and AdamW. */
export function languageOrder({ name, model, batch, context, vocab, shards }: LanguageStep): StepOrder {
  const spec = { shape: [context], dtype: 'u32' } as const;
  const ids = (of: (i: number) => number): Uint32Array<ArrayBuffer> =>
    Uint32Array.from({ length: batch * context }, (_, i) => of(i) % vocab);
  return {
    name,
    of: `batch ${batch} × ${context}, vocabulary ${vocab}, ${plural(shards, 'shard')}`,
    model,
    facts: { vocab },
    optimizer: adamW(),
    shape: { batch, shards, inputs: { tokens: spec, targets: spec } },
    rows: { tokens: ids((i) => i * 7919), targets: ids((i) => i * 7907 + 1) },
  };
}
