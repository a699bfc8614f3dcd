// The door between what people write and what trains: a run is checked here, once, and then trusted.
import {
  defined,
  type Definition,
  isDefined,
  nextToken,
  powerOfTwo,
  real,
  settings,
  valueOf,
  whole,
  words,
} from '@lockstep/nn';
import * as z from 'zod';
import type { Run, RunOptions, RunSettings } from './run.ts';

const every = whole({ from: 0 });

const runSettings: z.ZodType<RunSettings> = settings({
  name: words(
    'a name of letters, digits, ".", "_" and "-" that begins with a letter or digit',
    /^[a-zA-Z0-9][\w.-]{0,99}$/,
  ),
  model: valueOf('model', 'a model, such as gpt({ … }) or one of defineModel'),
  from: z
    .union([words('', /./), settings({ folder: words('a folder', /./), only: z.array(z.string()).optional() })])
    .describe('the folder of a model or of a run, or { folder, only: […] }')
    .optional(),
  data: valueOf('dataset', 'a dataset, such as text(…) or one of defineDataset'),
  loss: valueOf('loss', 'a loss, such as one of defineLoss, called').prefault(() => nextToken()),
  optimizer: valueOf('optimizer', 'an optimizer, such as adamW({ … }) or one of defineOptimizer'),
  schedule: valueOf('schedule', 'a schedule, such as cosine({ … })'),
  batch: whole({ to: 2 ** 20 }),
  shards: powerOfTwo({ to: 2 ** 16 }).default(8),
  steps: whole(),
  wire: z.enum(['f32', 'bf16', 'int8']).describe('f32, bf16 or int8').default('f32'),
  validation: settings({
    every: every.default(100),
    batches: whole({ to: 10_000 }).default(4),
    patience: whole({ from: 0 }).default(0),
    lowest: words('loss, or the name of a metric', /./).optional(),
    highest: words('the name of a metric', /./).optional(),
  }).prefault({}),
  sample: settings({
    every: every.default(250),
    prompt: words('some text', /./s).default('\n'),
    tokens: whole({ to: 2 ** 20 }).default(200),
    temperature: real({ from: 0, to: 100 }).default(0.8),
    topK: whole().default(40),
  }).prefault({}),
  checkpoint: settings({ every: every.default(500), keep: whole({ to: 10_000 }).default(3) }).prefault({}),
  norms: settings({ every: every.default(0) }).prefault({}),
  seed: whole({ from: 0, to: 2 ** 32 - 1 }).default(1),
  expect: functionOf('a function of { validation, loss } that says whether the run is as expected'),
  onStep: functionOf('a function of what a step gave'),
}) as unknown as z.ZodType<RunSettings>;

function functionOf(description: string): z.ZodType {
  return z
    .custom((value) => value === undefined || typeof value === 'function')
    .describe(description)
    .optional();
}

const runDefinition: Definition<RunSettings> = {
  role: 'run',
  name: 'defineRun',
  settings: runSettings,
  check: (run) => batchProblem(run) ?? validationProblem(run) ?? patienceProblem(run),
};

/**
 * Checks a run and fills in its defaults. Nothing is read or computed: a run is settings, so that every command can look at it.
 * @throws {ConfigError} for the first setting that is unknown, missing or out of range, with the nearest name and the range.
 */
export function defineRun(options: RunOptions): Run {
  return defined(runDefinition, withSampling(options)) as Run;
}

/** Text is generated on the way where a model learns to go on with one; with other losses where it is asked for. */
function withSampling(options: RunOptions): RunOptions {
  const { loss, sample = {} } = (options as Partial<RunOptions> | null | undefined) ?? {};
  const isLanguage = loss === undefined || loss.kind === nextToken().kind;
  return isLanguage || typeof sample !== 'object' ? options : { ...options, sample: { every: 0, ...sample } };
}

/** Whether a value is a run that {@link defineRun} made. */
export function isRun(value: unknown): value is Run {
  return isDefined(value, 'run');
}

function batchProblem({ batch, shards }: RunSettings): string | undefined {
  if (batch % shards === 0) return undefined;
  const near = [Math.floor(batch / shards), Math.ceil(batch / shards)]
    .filter((each) => each > 0)
    .map((each) => each * shards);
  return `batch: expected a multiple of shards (${shards}), got ${batch}\nhint: ${near.join(' or ')} would do`;
}

/** What is wrong with validating on data that says itself that it keeps nothing for it. */
function validationProblem({ data, validation }: RunSettings): string | undefined {
  const { validation: share } = data as { readonly validation?: unknown };
  if (share !== 0 || validation.every === 0) return undefined;
  return `data.validation: expected more than 0 for a validation every ${validation.every} steps, got 0\nhint: validation: { every: 0 } does without`;
}

function patienceProblem({ validation: { every, patience, lowest, highest } }: RunSettings): string | undefined {
  if (lowest !== undefined && highest !== undefined)
    return `validation: expected lowest or highest, got both: ${lowest} and ${highest}`;
  if (patience === 0 && (lowest ?? highest) !== undefined)
    return `validation.patience: expected at least 1 where ${lowest ?? highest} is to get better, got 0\nhint: patience: 3 ends the run after three validations that were no better`;
  if (patience > 0 && every === 0)
    return `validation.patience: expected validations to wait for, got validation.every 0`;
  return undefined;
}
