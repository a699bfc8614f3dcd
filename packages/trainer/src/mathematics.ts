// What a run computes, and nothing of how: the graph of one shard, recorded without an adapter, the update, the schedule, and how parameters
// begin. It is the same on every machine, for any number of workers and passes, and whatever comments and names its code has.
import {
  ConfigError,
  createModel,
  drawInitial,
  type LossTerms,
  lossTerms,
  type Facts,
  type Model,
  type ModelFunctions,
  Parameters,
  planUpdate,
  type Term,
  updateGraph,
} from '@lockstep/nn';
import {
  canonicalText,
  GraphDevice,
  type GraphNode,
  type GraphText,
  graphText,
  sizeOf,
  tensorsIn,
} from '@lockstep/tensor';
import type { Tensor } from '@lockstep/tensor';
import type { InputSpecs } from './batch.ts';
import type { Dataset } from './data/dataset.ts';
import type { Run } from './run/run.ts';
import type { SampledRows } from './sample-rows.ts';
import { learningRate } from './schedule.ts';
import { sha256Hex } from './sha256-hex.ts';
import { teachersIn, type TrainedModel } from './trained-model.ts';
import {
  dispatchGradient,
  forwardInputs,
  type Learner,
  mostTotals,
  type PassInputs,
  passInputs,
} from './shard-pass.ts';

/** Parts in the order in which a difference is told: what depends on others comes after them. */
export const mathematicsParts = [
  'data',
  'model',
  'initial weights',
  'loss',
  'metrics',
  'gradient',
  'optimizer',
  'schedule',
] as const;

export type MathematicsPart = (typeof mathematicsParts)[number];

/** The sha256 of each part. */
export type Mathematics = Readonly<Record<MathematicsPart, string>>;

/** What decides a step: of a run, or of a loop of one's own. */
export type StepSettings = Pick<Run, 'model' | 'loss' | 'optimizer' | 'batch' | 'shards' | 'wire' | 'seed'>;

/** What a step is computed on. */
export interface StepFacts {
  readonly facts: Facts;
  readonly inputs: InputSpecs;
}

/** The parts that a step has by itself. */
export type StepMathematics = Omit<Mathematics, 'data' | 'schedule'>;

/** What a run is computed on. */
export interface MathematicsOf {
  readonly run: Run;
  readonly dataset: Pick<Dataset, 'facts' | 'batches' | 'sha256'>;
  /** Some rows of the dataset. */
  readonly rows: SampledRows;
}

type Texts = Readonly<Record<MathematicsPart, GraphText>>;

/**
 * The mathematics of a run.
 * @param again whether it is recorded a second time, to see that it is the same; true unless given
 * @throws {ConfigError} for a model, a loss or an optimizer that cannot be recorded, or is another when it is recorded again.
 */
export async function mathematicsOf(
  of: MathematicsOf,
  { again = true }: { again?: boolean } = {},
): Promise<Mathematics> {
  const { run, dataset, rows } = of;
  const given = { facts: dataset.facts, inputs: dataset.batches(run.model).inputs };
  const data = { lines: [dataset.sha256, canonicalText(rows)], data: [] };
  const texts = (): Texts => ({ ...stepTexts(run, given), schedule: scheduleText(run, run.steps), data });
  return hashesOf(recorded(texts, { again, ...run }));
}

/**
 * The mathematics of a step.
 * @throws {ConfigError} for a model, a loss or an optimizer that cannot be recorded, or is another when it is recorded again.
 */
export async function stepMathematics(settings: StepSettings, given: StepFacts): Promise<StepMathematics> {
  return hashesOf(recorded(() => stepTexts(settings, given), { again: true, ...settings }));
}

async function hashesOf<Part extends MathematicsPart>(
  texts: Readonly<Record<Part, GraphText>>,
): Promise<Record<Part, string>> {
  const entries = Object.entries(texts) as [Part, GraphText][];
  const hashed = entries.map(async ([part, text]) => [part, await sha256Of(text)] as const);
  return Object.fromEntries(await Promise.all(hashed)) as Record<Part, string>;
}

type Named = Pick<Run, 'model' | 'loss' | 'optimizer'> & { readonly schedule?: Run['schedule'] };

function recorded<Found extends Partial<Texts>>(
  record: () => Found,
  { again, ...named }: Named & { again: boolean },
): Found {
  const texts = record();
  if (again) requireSame(named, texts, record());
  return texts;
}

/** The first part that is another than it was; nothing where all that were known are the same. */
export function otherPart(before: Partial<Mathematics>, now: Partial<Mathematics>): MathematicsPart | undefined {
  return mathematicsParts.find(
    (part) => before[part] !== undefined && now[part] !== undefined && before[part] !== now[part],
  );
}

/** The trained models that the loss of a step asks. */
export function teachersOf(settings: StepSettings, given: StepFacts): readonly TrainedModel[] {
  return teachersIn(() => void stepTexts(settings, given));
}

/** The sha256 of a run's schedule as it would be over so many steps. */
export function scheduleSha256(run: Run, steps: number): Promise<string> {
  return sha256Of(scheduleText(run, steps));
}

function stepTexts(run: StepSettings, { facts, inputs }: StepFacts): Record<keyof StepMathematics, GraphText> {
  const plan = planUpdate(run.optimizer, new Parameters(new GraphDevice(), createModel(run.model, facts)));
  const device = new GraphDevice();
  const model = createModel(run.model, facts);
  const parameters = new Parameters(device, model);
  nameParameters(device, parameters);
  return {
    ...forwardTexts({ device, model, parameters, run, inputs }),
    'initial weights': initialText(parameters, run.seed),
    optimizer: updateGraph(plan, device),
  };
}

function nameParameters(device: GraphDevice, parameters: Parameters): void {
  device.name(parameters.gradients, 'gradients');
  for (const { name } of parameters.specs) device.name(parameters.get(name), `parameter ${name}`);
}

interface Recorded {
  readonly device: GraphDevice;
  readonly model: Model;
  readonly parameters: Parameters;
  readonly run: StepSettings;
  readonly inputs: InputSpecs;
}

/** Model, loss and metrics apart, each as far as it is its own; and what goes back through all of them. */
function forwardTexts({
  device,
  model,
  parameters,
  run,
  inputs: specs,
}: Recorded): Pick<Texts, 'model' | 'loss' | 'metrics' | 'gradient'> {
  const { batch, shards, wire, loss } = run;
  const shape = { batch, shards, inputs: specs };
  const totals = device.empty([mostTotals]);
  device.name(totals, 'totals');
  const inputs = passInputs(device, shape, 1);
  nameInputs(device, inputs);
  const watch = new ModelWatch(device, model);
  const terms = lossTerms({ model: watch.model, loss, facts: model.facts }, forwardInputs(inputs, true));
  const { lossRoots, metricRoots } = termRoots(device, terms);
  const learner: Learner = { device, model, parameters, loss, totals };
  dispatchGradient(learner, inputs, { shape, wire });
  const gradients = parameters.learned.map(({ name }): [string, GraphNode] => {
    const { gradient } = parameters.get(name) as Tensor & { readonly gradient: Tensor };
    return [name, device.nodeOf(gradient)];
  });
  return {
    model: graphText(watch.results, new Map(watch.given)),
    loss: graphText([...watch.given.map(([node, name]) => [name, node] as const), ...lossRoots], watch.cuts),
    metrics: graphText(metricRoots, watch.cuts),
    gradient: graphText(gradients),
  };
}

function nameInputs(device: GraphDevice, { data, positions, counters }: PassInputs): void {
  for (const [name, tensor] of Object.entries(data)) device.name(tensor, `input ${name}`);
  if (positions) device.name(positions, 'input positions');
  device.name(counters, 'random');
}

function termRoots(
  device: GraphDevice,
  { loss, metrics }: LossTerms,
): Record<'lossRoots' | 'metricRoots', [string, GraphNode][]> {
  const roots = (name: string, { numerator, weight }: Term): [string, GraphNode][] => [
    [name, device.nodeOf(numerator)],
    ...(weight ? [[`weight of ${name}`, device.nodeOf(weight)] as [string, GraphNode]] : []),
  ];
  return {
    lossRoots: loss.flatMap((term, i) => roots(`loss ${i}`, term)),
    metricRoots: [...metrics].flatMap(([name, term]) => roots(name, term)),
  };
}

/** Sees what a loss gives to the functions of a model, and what they give back: where the one ends and the other begins. */
class ModelWatch {
  readonly model: Model;
  readonly results: [name: string, node: GraphNode][] = [];
  readonly given: [node: GraphNode, name: string][] = [];

  constructor(device: GraphDevice, model: Model) {
    const functions = Object.fromEntries(
      Object.entries(model.functions).map(([name, value]: [string, unknown]) => [
        name,
        typeof value === 'function' ? this.#watched(device, name, value as ModelFunctions[string]) : value,
      ]),
    );
    this.model = Object.create(model, { functions: { value: functions } }) as Model;
  }

  /** What the model has computed, by the names of its functions. */
  get cuts(): Map<GraphNode, string> {
    return new Map(this.results.map(([name, node]) => [node, name]));
  }

  #watched(device: GraphDevice, name: string, call: ModelFunctions[string]): ModelFunctions[string] {
    return (...args: unknown[]): unknown => {
      const tensors = args.flatMap(tensorsIn);
      for (const tensor of tensors) this.given.push([device.nodeOf(tensor), `given ${this.given.length}`]);
      const result: unknown = call(...(args as never[]));
      for (const tensor of tensorsIn(result))
        this.results.push([`${name} ${this.results.length}`, device.nodeOf(tensor)]);
      return result;
    };
  }
}

/** Numbers that a function draws are drawn, unless there are too many of them to do so twice in passing. */
const mostDrawn = 2 ** 20;

function initialText({ specs }: Parameters, seed: number): GraphText {
  const lines: string[] = [];
  const data: Uint8Array<ArrayBuffer>[] = [];
  for (const spec of specs) {
    const { name, shape, initial, group, frozen } = spec;
    const isDrawn = typeof initial === 'function';
    lines.push(`${name} ${canonicalText({ shape, group, frozen, initial: isDrawn ? 'drawn' : initial })}`);
    if (isDrawn && sizeOf(shape) <= mostDrawn) data.push(new Uint8Array(drawInitial(spec, seed).buffer));
  }
  return { lines, data };
}

/** Steps from the beginning and to the end whose rates are compared one by one; of those between, as many. */
const comparedSteps = 1000;

function scheduleText({ schedule }: Run, steps: number): GraphText {
  const compared = new Set<number>();
  for (let i = 0; i < Math.min(steps, comparedSteps); i++)
    compared
      .add(i)
      .add(steps - 1 - i)
      .add(Math.floor((i * steps) / comparedSteps));
  const rates = Float64Array.from(compared, (step) => learningRate(schedule, step, steps));
  return { lines: [`rates of ${steps} steps`], data: [new Uint8Array(rates.buffer)] };
}

async function sha256Of({ lines, data }: GraphText): Promise<string> {
  const hashes = await Promise.all(data.map((bytes) => sha256Hex(bytes)));
  return sha256Hex(new TextEncoder().encode([...lines, ...hashes].join('\n')));
}

/** @throws {ConfigError} naming what is another the second time. */
function requireSame(run: Named, first: Partial<Texts>, second: Partial<Texts>): void {
  const part = mathematicsParts.find((one) => first[one] && differenceOf(first[one], second[one]!) !== undefined);
  if (part === undefined) return;
  const who = {
    optimizer: run.optimizer.kind,
    schedule: run.schedule?.kind,
    loss: run.loss.kind,
    metrics: run.loss.kind,
  };
  const name = (who as Partial<Record<MathematicsPart, string>>)[part] ?? run.model.kind;
  throw new ConfigError(
    `${name}: expected the same ${part} each time that it is recorded, got ${differenceOf(first[part]!, second[part]!)!}\nhint: what is random comes from inputs.random, or is drawn by \`initial\` from its argument; Math.random, clocks and counters are others on every worker`,
  );
}

/** Where two texts part. */
function differenceOf(a: GraphText, b: GraphText): string | undefined {
  const at = a.lines.findIndex((line, i) => line !== b.lines[i]);
  if (at >= 0 || a.lines.length !== b.lines.length)
    return `“${shortened(a.lines.at(at))}”, then “${shortened(b.lines[at < 0 ? a.lines.length : at])}”`;
  const isSame = a.data.every((bytes, i) => isEqual(bytes, b.data[i]!));
  return isSame ? undefined : 'other numbers the second time';
}

const shortened = (line: string | undefined): string => {
  const text = (line ?? 'nothing').replace(/^%\d+ = /, '').replaceAll(/\s+/g, ' ');
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
};

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
