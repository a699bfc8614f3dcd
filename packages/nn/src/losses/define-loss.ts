// What a loss is to those who write one: a function of the model and the step's inputs. The next-token loss is written so, too.
import type { Tensor } from '@lockstep/tensor';
import type * as z from 'zod';
import type { Facts, ForwardInputs, ModelFunctions } from '../models/define-model.ts';
import { type Defined, defined, type Definition } from '../settings/definition.ts';

/** What a loss gives: scalars to minimise, and others to log. */
export interface Losses {
  /**
   * What is minimised: a scalar, or several, which are added. The mean over the global batch: of a plain scalar the mean over shards, which
   * count alike; of a mean with weights (`ops.weightedMean`, `ops.crossEntropy` with `where`), or such a mean times a number, the
   * mean over the weights of the whole batch.
   */
  readonly loss: Tensor | readonly Tensor[];
  /** What is logged beside it, by name, and averaged in the same way. */
  readonly metrics?: Readonly<Record<string, Tensor>>;
}

/** Settings of the loss, and what the data says of itself. */
export type LossContext<Settings extends object> = Facts & Settings;

export interface LossDefinition<Settings extends object = object> extends Definition<Settings> {
  readonly role: 'loss';
  compute(model: ModelFunctions, inputs: ForwardInputs, context: LossContext<Settings>): Losses;
  readonly derive?: Derive | undefined;
  readonly of?: LossOptions['of'] | undefined;
}

/**
 * Metrics that are functions of means: perplexity is `exp` of the mean loss, F1 is made of three means. They are computed on the host, of the
 * means over the whole batch or the whole validation, `loss` among them. One that is not finite is left out of the log.
 */
export type Derive = (means: Readonly<Record<string, number>>) => Readonly<Record<string, number>>;

export interface LossOptions {
  /** `loss` unless given. */
  readonly name?: string;
  readonly derive?: Derive;
  /** What it is a mean over, where that is the input `targets`, token by token: then what it is per character of the text is told beside it. */
  readonly of?: 'targets';
}

/** A loss with its settings, frozen and plain as JSON, as a run holds it. */
export type LossValue<Settings extends object = object> = Defined<Settings>;

type Compute<Settings extends object> = LossDefinition<Settings>['compute'];

/**
 * Defines a loss. What it returns is called with settings:
 *
 * ```ts
 * const classification = defineLoss((model, { digit, ...inputs }) => {
 *   const logits = model.logits(inputs); // (B, 10)
 *   const isRight = ops.equal(ops.argmax(logits), digit!);
 *   return { loss: ops.crossEntropy(logits, digit!), metrics: { accuracy: ops.mean(isRight) } };
 * });
 * ```
 */
export function defineLoss<Schema extends z.ZodObject>(
  compute: Compute<z.output<Schema>>,
  options: LossOptions & { readonly settings: Schema },
): (settings?: z.input<Schema>) => LossValue<z.output<Schema>>;
/** A loss whose settings are whatever it is called with. */
export function defineLoss<Settings extends object = Record<string, never>>(
  compute: Compute<Settings>,
  options?: LossOptions,
): (settings?: Settings) => LossValue<Settings>;
export function defineLoss<Settings extends object>(
  compute: Compute<Settings>,
  { name = 'loss', settings: schema, derive, of }: LossOptions & { readonly settings?: z.ZodType<Settings> } = {},
): (settings?: Settings) => LossValue<Settings> {
  const definition: LossDefinition<Settings> = { role: 'loss', name, settings: schema, compute, derive, of };
  return (settings) => defined(definition, settings ?? {});
}
