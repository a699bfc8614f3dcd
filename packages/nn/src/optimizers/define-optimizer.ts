// What an optimizer is to those who write one: what it remembers of each parameter, and an update written in ops. The built-in ones are
// written so, too.
import type { Dispatcher, Tensor } from '@lockstep/tensor';
import type * as z from 'zod';
import { type Defined, defined, type Definition } from '../settings/definition.ts';
import { type CommonOptions, type CommonSettings, plainOptions, withCommonSettings } from './common-settings.ts';

/** What is remembered of a parameter, or of many at once, by name. */
export type States = Readonly<Record<string, Tensor>>;
/** Numbers of a step by name. */
export type Numbers = Readonly<Record<string, number>>;

/** Weight and gradient of a parameter, or of many at once, and what is remembered of it. */
export type UpdateTensors<State extends States = States> = State & {
  readonly weight: Tensor;
  readonly gradient: Tensor;
};

/** What an update is computed with beside its own settings and numbers: tensors of one number that changes from step to step, but for `matrix`. */
export interface StepTensors {
  /** The learning rate. */
  readonly rate: Tensor;
  /** Updates so far, this one included. */
  readonly step: Tensor;
  /** Euclidean norm of the gradient: of all parameters, or, inside a group, of the group's. */
  readonly norm: Tensor;
  /** 1 for parameters of two or more axes, 0 for vectors and scalars; broadcasts over the weight. */
  readonly matrix: Tensor;
}

/**
 * What an update is told beside its tensors: its settings, what earlier links of a chain give, and the scalars of the step.
 */
export type UpdateContext<Settings extends object = object, Given extends Numbers = Numbers> = Settings & {
  readonly [Name in keyof Given]: Tensor;
} & StepTensors;

/** New values: of the weight, of what is remembered, and for the links of a chain that follow. */
export type UpdateResult<State extends States = States> = State & {
  /** Left out by what moves no weights, such as clipping. */
  readonly weight?: Tensor;
  /** What the links that follow take for the gradient. */
  readonly gradient?: Tensor;
  /** Its norm, where that is known: without it, links that follow cannot use the norm of a gradient that was changed. */
  readonly norm?: Tensor;
};

/** Tensors of a range of all weights, as a kernel of one's own sees them: flat, beginning at a multiple of 64 elements. */
export interface FusedTensors {
  readonly weight: Tensor;
  readonly gradient: Tensor;
  /** 1 or 0 for each block of 64 elements, of the whole; the range's first block is `block`. */
  readonly matrix: Tensor;
  readonly norm: Tensor; // (1)
  /** The rate, then the definition's numbers in their order, then the step. */
  readonly schedule: Tensor;
  /** Set to other than 0 where something that is written is NaN or infinite. */
  readonly unsound: Tensor; // (1), u32
}

export interface OptimizerDefinition<
  Settings extends object = object,
  State extends States = States,
  Given extends Numbers = Numbers,
> extends Definition<Settings> {
  readonly role: 'optimizer';
  /** Numbers of a step, computed on the host in f64 and handed to the update as tensors. @param step counts from 1. */
  numbers?(settings: Settings, step: number): Given;
  /** What is remembered, as it begins: a function of the weight as training begins. Without it nothing is. */
  state?(weight: Tensor, settings: Settings): State;
  /**
   * One update, written in ops. Where every element depends on its own alone, it is recorded for many parameters at once; else for each
   * by itself, in its own shape.
   */
  update(tensors: UpdateTensors<State>, context: UpdateContext<Settings, Given>): UpdateResult<NoInfer<State>>;
  /** The name of a state that is used instead of the weights: for validation, samples, and the model that is stored. */
  readonly use?: string;
  /**
   * The same update of a flat range by kernels of one's own, where that is faster. Taken where the optimizer is by itself, and not a link of a
   * chain: that follows from the run, and so do its bits. They are those of `update` where drivers compute as they are told; one that
   * contracts a·b + c to a single rounding does so within a kernel, but not from one op to the next.
   * @returns true where the kernels have looked for numbers that are not finite and noted them in `unsound`; else that is done after them.
   */
  fused?(
    device: Dispatcher,
    tensors: FusedTensors & State,
    settings: Settings,
    range: { readonly size: number; readonly block: number },
  ): unknown;
  /** Gives the optimizers that this one is made of, by the names that their settings have. */
  parts?(settings: Settings): OptimizerParts;
}

/** Links that follow one another, or groups of parameters that have each their own. */
export type OptimizerParts =
  | { readonly links: readonly OptimizerValue[] }
  | { readonly groups: Readonly<Record<string, OptimizerValue>> };

/** An optimizer with its settings, frozen and plain as JSON, as a run holds it. */
export type OptimizerValue<Settings extends object = object> = Defined<Settings>;

/** Makes an optimizer's settings, checked, of what may be left out. */
export type OptimizerFactory<Options extends object, Settings extends object> = (
  options?: Options & CommonOptions,
) => OptimizerValue<Settings & CommonSettings>;

type Written<Settings extends object, State extends States, Given extends Numbers> = Omit<
  OptimizerDefinition<Settings, State, Given>,
  'role' | 'settings' | 'parts'
>;

type Nothing<Value> = Readonly<Record<never, Value>>;

/**
 * Defines an optimizer. What it returns is called with settings:
 *
 * ```ts
 * const signSgd = defineOptimizer({
 *   name: 'signSgd',
 *   settings: z.object({ momentum: z.number().default(0.9) }),
 *   state: (weight) => ({ mean: ops.zerosLike(weight) }),
 *   update({ weight, gradient, mean }, { rate, momentum }) {
 *     const next = ops.lerp(gradient, mean, momentum);
 *     return { weight: weight.sub(ops.sign(next).mul(rate)), mean: next };
 *   },
 * });
 * ```
 * Without `settings` whatever JSON can hold will do.
 */
export function defineOptimizer<
  Schema extends z.ZodObject,
  State extends States = Nothing<Tensor>,
  Given extends Numbers = Nothing<number>,
>(
  definition: { readonly settings: Schema } & Written<z.output<Schema>, State, Given>,
): OptimizerFactory<z.input<Schema>, z.output<Schema>>;
export function defineOptimizer<
  Options extends object = Record<never, never>,
  State extends States = Nothing<Tensor>,
  Given extends Numbers = Nothing<number>,
>(definition: Written<Options, State, Given>): OptimizerFactory<Options, Options>;
export function defineOptimizer(
  definition: Written<object, States, Numbers> & { readonly settings?: z.ZodObject },
): OptimizerFactory<object, object> {
  const { settings } = definition;
  const whole: OptimizerDefinition = {
    ...definition,
    role: 'optimizer',
    settings: settings && withCommonSettings(settings),
  };
  return (options) => defined(whole, settings ? plainOptions(options) : { peak: 1, ...plainOptions(options) }) as never;
}
