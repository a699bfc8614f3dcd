// What a model is to those who write one: settings, layers, and a function of them. The built-in ones are written so, too.
import type { Random, Tensor } from '@lockstep/tensor';
import type * as z from 'zod';
import type { Parts } from '../layers/layer.ts';
import { type Defined, defined, type Definition } from '../settings/definition.ts';

/** What the data says of itself to whoever builds a model for it. */
export interface Facts {
  /** How many different tokens a text has, numbered from 0. */
  readonly vocab?: number | undefined;
  readonly [name: string]: unknown;
}

/** What a forward pass is given, by name: the arrays of the data's rows, and what the trainer adds to them. */
export interface ForwardInputs {
  readonly [name: string]: Tensor;
  /** Token ids, where the data is text. */
  readonly tokens: Tensor; // (B, T) of u32
  /** The place of each token of a text in its sequence. */
  readonly positions: Tensor; // (B, T) of u32
  /** Draws that are the same whoever computes the shard. */
  readonly random: Random;
}

/** The functions of a model, as losses call them. */
export interface ModelFunctions {
  /** Scores: of every class for each row, or of every token as the next (B, T, V). */
  logits(inputs: Partial<ForwardInputs>): Tensor;
  // oxlint-disable-next-line typescript/no-explicit-any -- of any form: a model and its loss know each other.
  readonly [name: string]: (...args: any[]) => any;
}

/** What a model is made of: its layers, by which its parameters get their names, and functions that compute with them. */
export interface ModelParts {
  readonly parameters: Parts;
  logits?(inputs: ForwardInputs): Tensor;
  // oxlint-disable-next-line typescript/no-explicit-any -- functions of any form
  readonly [name: string]: any;
}

/** How a model is stored for others' tools. */
export interface HuggingFaceForm<Settings extends object> {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** All of config.json. */
  config(settings: Settings, facts: Facts): Record<string, unknown>;
  /** Settings from a config.json of that type. @throws {ConfigError} for one that Lockstep lacks. */
  fromConfig(config: unknown): Settings;
}

export interface ModelDefinition<Settings extends object = object> extends Definition<Settings> {
  readonly role: 'model';
  /** Makes the layers. Called for each device anew, always with the same result. */
  create(settings: Settings, facts: Facts): ModelParts;
  /**
   * Whether a row of `logits` depends on earlier rows by way of causal attention alone, so that tokens can be generated one by one with
   * what attention keeps. Found out by trial unless given.
   */
  readonly isStepwise?: boolean | undefined;
  readonly huggingFace?: HuggingFaceForm<Settings> | undefined;
}

/** A model's settings, as a run holds them. Nothing is allocated until a device is there. */
export type ModelValue<Settings extends object = object> = Defined<Settings>;

/** Makes a model's settings, checked, of what may be left out. */
export interface ModelFactory<Options extends object, Settings extends object> {
  (...options: Record<never, never> extends Options ? [options?: Options] : [options: Options]): ModelValue<Settings>;
  readonly definition: ModelDefinition<Settings>;
}

/**
 * Defines a model. What it returns is called with settings:
 *
 * ```ts
 * const perceptron = defineModel({
 *   name: 'perceptron',
 *   settings: z.object({ hidden: z.int().default(128) }),
 *   create({ hidden }) {
 *     const [first, second] = [layers.linear(784, hidden), layers.linear(hidden, 10)];
 *     return { parameters: { first, second }, logits: ({ pixels }) => second(ops.relu(first(pixels!))) };
 *   },
 * });
 * const model = perceptron({ hidden: 64 });
 * ```
 */
export function defineModel<Schema extends z.ZodObject>(
  definition: Omit<ModelDefinition<z.output<Schema>>, 'role' | 'settings'> & { readonly settings: Schema },
): ModelFactory<z.input<Schema>, z.output<Schema>>;
/** A model whose settings are whatever it is called with, or whose schema is of another kind. */
export function defineModel<Options extends object, Settings extends object = Options>(
  definition: Omit<ModelDefinition<Settings>, 'role'>,
): ModelFactory<Options, Settings>;
export function defineModel(definition: Omit<ModelDefinition, 'role'>): ModelFactory<object, object> {
  const whole: ModelDefinition = { ...definition, role: 'model' };
  return Object.assign((options?: object) => defined(whole, options ?? {}), { definition: whole });
}
