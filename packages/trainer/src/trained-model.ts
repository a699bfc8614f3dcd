// A model with its weights on a device, to look into: what it scores, what its layers give, how its scores depend on them.
import {
  ConfigError,
  createGenerator,
  createModel,
  type Facts,
  type ForwardInputs,
  type GenerateOptions,
  type Generator,
  type Model,
  type ModelValue,
  observing,
  Parameters,
  type TensorMap,
  type Tokenizer,
} from '@lockstep/nn';
import { detach, type Device, Random, reshape, Tensor, type TypedArray, withGradients } from '@lockstep/tensor';

/** A text, or arrays by name, of one row. */
export type ModelInput = string | Readonly<Record<string, TypedArray>>;

export interface TrainedModelOptions {
  readonly device: Device;
  readonly model: ModelValue;
  readonly facts: Facts;
  readonly weights: TensorMap;
  readonly tokenizer?: Tokenizer | undefined;
}

/** What a forward pass gave; the tensors are there until they are disposed of. */
export interface Looked {
  /** Scores of the row: of a text (T, V). */
  readonly logits: Tensor;
  /** What the layers asked for gave, by their names. */
  readonly captured: Readonly<Record<string, Tensor>>;
}

export class TrainedModel {
  readonly device: Device;
  readonly model: Model;
  readonly parameters: Parameters;
  readonly tokenizer: Tokenizer | undefined;
  readonly #weights: TensorMap;
  /** The model as something that does not learn, on each device that has asked. */
  readonly #frozen = new WeakMap<Device, Model>();
  #generator: Promise<Generator> | undefined;

  /** Puts a model and its weights on a device. @throws {CheckpointError} for weights of another model. */
  constructor({ device, model, facts, weights, tokenizer }: TrainedModelOptions) {
    this.device = device;
    this.model = createModel(model, facts);
    this.parameters = new Parameters(device, this.model);
    this.parameters.load(weights);
    this.tokenizer = tokenizer;
    this.#weights = weights;
  }

  /**
   * Scores of rows, as an op among others: inside a loss, too, where the model is a teacher that does not learn. It computes on the device of
   * its inputs, which gets a copy of the weights where it is another than {@link device}.
   */
  logits(inputs: Partial<ForwardInputs>): Tensor {
    const given = Object.values(inputs).find((one) => one instanceof Tensor);
    if (!given)
      throw new ConfigError(`logits: expected tensors by name, got ${Object.keys(inputs).join(', ') || 'none'}`);
    teachers?.add(this);
    return this.putOn(given.device as Device).logits(inputs);
  }

  /** The model as something that does not learn, on a device, which gets the weights unless it has them. */
  putOn(device: Device): Model {
    const known = this.#frozen.get(device);
    if (known) return known;
    const model = createModel(this.model.value, this.model.facts);
    for (const [name, slot] of model.slots) {
      const { data, shape } = this.#weights.get(name)!;
      slot.bind(device.tensor(data, shape));
    }
    for (const slot of model.buffers) slot.bind(device);
    this.#frozen.set(device, model);
    return model;
  }

  /** Names of the layers that can be looked at. */
  get layers(): string[] {
    return [...this.model.layers.keys()];
  }

  /**
   * One forward pass.
   * @param capture names of layers whose outputs are wanted
   * @throws {ConfigError} for a layer that there is not, or that was not called
   */
  async run(input: ModelInput, { capture = [] }: { capture?: readonly string[] } = {}): Promise<Looked> {
    const inputs = await this.#inputs(input);
    const watch = this.#watch(capture, (output) => output);
    return this.device.scope(() => {
      const logits = observing(watch.observer, () => this.model.logits(inputs));
      return { logits: ofRow(logits), captured: watch.found() };
    });
  }

  /**
   * How a number depends on what a layer gives: the gradient of `of` with respect to the output of `layer`, in the shape of that.
   * @param of makes a scalar of the scores (T, V) @throws {ConfigError}
   */
  async gradient(input: ModelInput, layer: string, of: (logits: Tensor) => Tensor): Promise<Tensor> {
    const inputs = await this.#inputs(input);
    // A copy of its own: what the layer gives may be read in other ways, too, by which no gradient would come.
    const watch = this.#watch([layer], (output) => {
      const own = detach(output);
      own.tracked = true;
      this.device.tape!.want(own);
      return own;
    });
    const { gradients } = withGradients(
      this.device,
      () => of(ofRow(observing(watch.observer, () => this.model.logits(inputs)))),
      { wanted: () => [watch.found()[layer]!] },
    );
    if (!gradients[0])
      throw new ConfigError(`gradient: expected a number that depends on ${layer}, got one that does not`);
    return gradients[0];
  }

  /** Ids of tokens that follow a prompt. @throws {ConfigError} for a prompt that has no tokens. */
  async *generate(prompt: string, options?: GenerateOptions): AsyncGenerator<number, void, undefined> {
    this.#generator ??= createGenerator(this);
    const ids = await this.#encode(prompt);
    yield* (await this.#generator).generate([...ids], options);
  }

  async #encode(text: string): Promise<Uint32Array> {
    if (!this.tokenizer)
      throw new ConfigError('model: expected arrays by name, got a text for a model without a tokenizer');
    return this.tokenizer.encode(text);
  }

  async #inputs(input: ModelInput): Promise<Record<string, Tensor> & { random: Random }> {
    const arrays = typeof input === 'string' ? { tokens: await this.#encode(input) } : input;
    const tensors = Object.entries(arrays).map(([name, array]): [string, Tensor] => [
      name,
      this.device.tensor(array as TypedArray, array.length === 1 ? [1] : [1, array.length]),
    ]);
    const { tokens } = arrays as { readonly tokens?: TypedArray };
    const places = tokens && Uint32Array.from(tokens, (_, place) => place);
    if (places) tensors.push(['positions', this.device.tensor(places, [1, places.length])]);
    const random = new Random({ counters: this.device.tensor(new Uint32Array(4)) });
    return { ...Object.fromEntries(tensors), random } as Record<string, Tensor> & { random: Random };
  }

  /** Sees what layers give, under their names. */
  #watch(
    names: readonly string[],
    take: (output: Tensor) => Tensor,
  ): { observer: (layer: unknown, output: Tensor) => Tensor; found: () => Record<string, Tensor> } {
    const unknown = names.find((name) => !this.model.layers.has(name));
    if (unknown !== undefined)
      throw new ConfigError(`model: expected a layer, such as ${this.layers.slice(0, 3).join(', ')}, got ${unknown}`);
    const wanted = new Map(names.map((name) => [this.model.layers.get(name), name]));
    const found: Record<string, Tensor> = {};
    const observer = (layer: unknown, output: Tensor): Tensor => {
      const name = wanted.get(layer);
      return name === undefined ? output : (found[name] = take(output));
    };
    const all = (): Record<string, Tensor> => {
      const missed = names.find((name) => !found[name]);
      if (missed !== undefined) throw new ConfigError(`model: expected ${missed} to be called, got a pass without it`);
      return found;
    };
    return { observer, found: all };
  }
}

/** Who has been asked for logits while somebody watches. */
let teachers: Set<TrainedModel> | undefined;

/** The trained models that a loss asks for logits. @param record records the loss, at once */
export function teachersIn(record: () => void): readonly TrainedModel[] {
  const found = (teachers = new Set<TrainedModel>());
  try {
    record();
  } finally {
    teachers = undefined;
  }
  return [...found];
}

/** Without the axis of rows, of which there is one. */
const ofRow = (logits: Tensor): Tensor => reshape(logits, logits.shape.slice(1));
