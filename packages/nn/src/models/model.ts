// A model with its layers made: what a device is to hold for it, and what it computes. One model belongs to one device at a time.
import { type Shape, sizeOf, type Tensor } from '@lockstep/tensor';
import { ConfigError } from '@lockstep/errors';
import { partsIn } from '../layers/layer.ts';
import type { BufferSlot, Initial, ParameterSlot } from '../layers/parameter.ts';
import { definitionOf, settingsOf } from '../settings/definition.ts';
import type { Facts, ForwardInputs, ModelDefinition, ModelFunctions, ModelValue } from './define-model.ts';

/** What is known of a parameter before it has values. */
export interface ParameterSpec {
  /** From the nesting of layers; it also keys the parameter's random stream. */
  readonly name: string;
  readonly shape: Shape;
  readonly initial: Initial;
  /** The optimizer's group that it asks for. */
  readonly group?: string | undefined;
  /** Whether it stays as it is. */
  readonly frozen?: boolean | undefined;
}

/** Numbers that a model holds, frozen ones included. */
export function countParameters({ parameters }: { readonly parameters: readonly ParameterSpec[] }): number {
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/**
 * A model made of its value: the names and shapes of its parameters, its buffers, and the functions that compute with them. It holds no
 * weights; {@link Parameters} does.
 */
export class Model {
  readonly value: ModelValue;
  readonly facts: Facts;
  readonly parameters: readonly ParameterSpec[];
  /** Where each parameter is used, by the names of {@link parameters}. */
  readonly slots: ReadonlyMap<string, ParameterSlot>;
  readonly buffers: readonly BufferSlot[];
  /** Layers, by their names, whose outputs may be looked at. */
  readonly layers: ReadonlyMap<string, unknown>;
  /** What its definition's `create` gave beside the parameters. */
  readonly functions: ModelFunctions;

  /** @throws {ConfigError} for parts that are none. */
  constructor(value: ModelValue, facts: Facts) {
    const definition = definitionOf<ModelDefinition>(value);
    const { name } = definition;
    const { parameters, ...functions } = definition.create(settingsOf(value), facts);
    const found = partsIn(parameters, name);
    if (found.parameters.size === 0)
      throw new ConfigError(`${name}: expected layers in \`parameters\`, got none that has any`);
    this.value = value;
    this.facts = facts;
    this.slots = new Map(Array.from(found.parameters, ([slot, own]) => [own, slot]));
    this.parameters = Array.from(this.slots, ([own, { shape, initial, group, frozen }]) => ({
      name: own,
      shape,
      initial,
      group,
      frozen,
    }));
    this.buffers = [...found.buffers];
    this.layers = found.layers;
    this.functions = functions as unknown as ModelFunctions;
  }

  /** Longest sequence, in tokens, of a model with a setting of that name. */
  get context(): number | undefined {
    const { context } = this.value as { readonly context?: unknown };
    return typeof context === 'number' ? context : undefined;
  }

  /** @throws {ConfigError} for a model without such a function. */
  logits(inputs: Partial<ForwardInputs>): Tensor {
    const { logits } = this.functions as Partial<ModelFunctions>;
    if (!logits)
      throw new ConfigError(
        `${this.value.kind}: expected a function logits, got ${Object.keys(this.functions).join(', ') || 'none'}`,
      );
    return logits(inputs);
  }

  /** What config.json is to say of it. */
  config(): Record<string, unknown> {
    const { huggingFace } = definitionOf<ModelDefinition>(this.value);
    const settings = settingsOf(this.value);
    return huggingFace?.config(settings, this.facts) ?? { model_type: this.value.kind, settings, facts: this.facts };
  }
}

/**
 * Makes the layers of a model.
 * @param facts what the data says of itself; the vocabulary where the settings leave it open.
 * @throws {ConfigError} when its definition refuses settings or facts.
 */
export function createModel(value: ModelValue, facts: Facts = {}): Model {
  return new Model(value, facts);
}

/**
 * The size of a vocabulary: of a model's setting, else the data's.
 * @throws {ConfigError} when neither gives it, or the setting is smaller than the data's.
 */
export function vocabOf({ vocab }: { readonly vocab?: number | undefined }, facts: Facts): number {
  const size = vocab ?? facts.vocab;
  if (size === undefined) throw new ConfigError('createModel: expected the size of the vocabulary, got nothing');
  if (facts.vocab !== undefined && size < facts.vocab)
    throw new ConfigError(`model.vocab: expected at least the tokenizer's ${facts.vocab} tokens, got ${size}`);
  return size;
}
