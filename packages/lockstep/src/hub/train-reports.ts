// What the workers of a training job are given, and what they report of it; what workers of any job say is in words.ts. Neither side
// believes the other's bytes: a value is a message only when it has the form and the bounds that are written here.
import { ProtocolError } from '@lockstep/collectives';
import type { TraceSpan } from '@lockstep/collectives';
import type { BridgeChoice } from '../job/choose-bridge.ts';
import type { Evaluation, Mathematics, Norms, SampledRows, StartingWeights, StepMetrics } from '@lockstep/trainer';
import { mathematicsParts } from '@lockstep/trainer';
import type { PreparedData } from '@lockstep/trainer/node';
import type { RunModule } from '../bundle/run-module.ts';
import { cut } from './words.ts';
import * as z from 'zod';

/** What the workers of a training job have to do. */
export interface TrainJob {
  /** The bundle that exports the run, and the file that it was made of. */
  readonly module: RunModule;
  /** Settings over those of the run, as `path=value`. */
  readonly overrides: readonly string[];
  /** The prepared data. */
  readonly data: PreparedData;
  /** Rows of it, and what the run computes, as the launcher has found them: a worker finds the same. */
  readonly rows: SampledRows;
  readonly mathematics: Mathematics;
  /** The weights to begin with, and what they are known by. */
  readonly weights?: (StartingWeights & { readonly sha256: string }) | undefined;
  /** The run's folder. */
  readonly root: string;
  /** Path of the checkpoint to go on from, and the hashes that it may be of. */
  readonly checkpoint?: { readonly path: string; readonly hashes: readonly string[] } | undefined;
  readonly bucketBytes?: number | undefined;
  /** Bytes of its adapter that a worker may use; what the system tells unless given. */
  readonly memoryBytes?: number | undefined;
  /** The folder to which rank 0 writes generated kernels. */
  readonly dumpKernels?: string | undefined;
  /** Whether workers are to tell where their time goes. */
  readonly trace?: boolean | undefined;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const trainJobSchema: z.ZodType<TrainJob> = z.object({
  module: z.object({ sha256, path: z.string(), file: z.string() }),
  overrides: z.array(z.string()),
  data: z.object({ sha256, path: z.string() }),
  rows: z.record(z.string(), sha256),
  mathematics: z.record(z.enum(mathematicsParts), sha256),
  weights: z.object({ folder: z.string(), only: z.exactOptional(z.array(z.string())), sha256 }).optional(),
  root: z.string(),
  checkpoint: z.object({ path: z.string(), hashes: z.array(z.string()) }).optional(),
  bucketBytes: z.int().min(0).optional(),
  memoryBytes: z.number().positive().optional(),
  dumpKernels: z.string().optional(),
  trace: z.boolean().optional(),
});

/** From rank 0, but for `spans`, which come from any worker. */
export type TrainReport =
  | {
      readonly kind: 'ready';
      readonly adapter: string;
      readonly families: Readonly<Record<string, string>>;
      /** How the workers talk to each other. */
      readonly bridge: BridgeChoice;
    }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'spans'; readonly spans: readonly TraceSpan[] }
  | { readonly kind: 'step'; readonly metrics: StepMetrics }
  | ({ readonly kind: 'validation'; readonly step: number } & Evaluation)
  | { readonly kind: 'norms'; readonly step: number; readonly norms: Norms }
  | { readonly kind: 'sample'; readonly step: number; readonly text: string }
  | { readonly kind: 'checkpoint'; readonly step: number }
  | ({ readonly kind: 'done' } & RunResult);

/** How a run ended. */
export interface RunResult {
  /** Steps taken in all. */
  readonly steps: number;
  readonly loss: number;
  /** The last one, of the final weights; nothing where there was none. */
  readonly validation?: Evaluation | undefined;
  readonly weightsSha256: string;
  /** Whether it was asked to end before its last step. */
  readonly stopped: boolean;
  /** Why the run itself ended before that, where it did. */
  readonly ended?: string | undefined;
}

const text = (characters: number): z.ZodString => z.string().max(characters);
/** Steps taken. */
const step: z.ZodType<number> = z.int().min(0);
const milliseconds: z.ZodType<number> = z.number().min(0);

const spanValue: z.ZodType<unknown> = z.union([
  z.number(),
  z.boolean(),
  text(200),
  z.array(z.number()).max(65_536),
  z.null(),
  z.undefined(),
]);

const span: z.ZodType<TraceSpan> = z.object({
  name: text(200),
  category: z.enum(['compute', 'read-back', 'reduce', 'wait', 'upload', 'update']),
  start: z.number(),
  end: z.number(),
  args: z.exactOptional(z.record(text(64), spanValue)),
});

/** Named numbers of a loss: as many as travel at once. */
const metrics: z.ZodType<Readonly<Record<string, number>>> = z
  .record(text(100), z.number())
  .refine((named) => Object.keys(named).length <= 64);

const named = z.record(text(500), z.object({ weight: z.number(), gradient: z.exactOptional(z.number()) }));
/** A message holds those of some ten thousand parameters. */
const norms: z.ZodType<Norms> = z.object({ parameters: named, layers: named });

const stepMetrics: z.ZodType<StepMetrics> = z.object({
  step,
  loss: z.number(),
  metrics,
  isEmpty: z.boolean(),
  gradNorm: z.number(),
  learningRate: z.number(),
  tokens: z.int().min(0),
  tokensPerSecond: z.number().min(0),
  stepMs: milliseconds,
  computeMs: milliseconds,
  waitMs: milliseconds,
  updateMs: milliseconds,
});

/** Longer ones are cut by whoever sends them. */
const factCharacters = 1_000;
/** In any script these are less than the 1 MiB that a message holds. */
const sampleCharacters = 200_000;

const trainReport: z.ZodType<TrainReport> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('ready'),
    adapter: text(factCharacters),
    families: z.record(text(64), text(64)),
    bridge: z.object({ bridge: z.enum(['ws', 'ucx']), reason: text(factCharacters) }),
  }),
  z.object({ kind: z.literal('note'), text: text(1_000) }),
  z.object({ kind: z.literal('spans'), spans: z.array(span).max(256) }),
  z.object({ kind: z.literal('step'), metrics: stepMetrics }),
  z.object({ kind: z.literal('validation'), step, loss: z.number(), metrics }),
  z.object({ kind: z.literal('norms'), step, norms }),
  z.object({ kind: z.literal('sample'), step, text: text(500_000) }),
  z.object({ kind: z.literal('checkpoint'), step }),
  z.object({
    kind: z.literal('done'),
    steps: step,
    loss: z.number(),
    validation: z.object({ loss: z.number(), metrics }).optional(),
    weightsSha256: sha256,
    stopped: z.boolean(),
    ended: text(1_000).optional(),
  }),
]);

/** How often a kind is heard in a run; the others are bounded by its steps. */
const most: Partial<Record<TrainReport['kind'], number>> = { ready: 1, note: 100 };

type MessageOf<Kind extends TrainReport['kind']> = Extract<TrainReport, { kind: Kind }>;

/** What rank 0 says when its group is open. A driver names its adapter as it likes, and a job its workers. */
export function readyMessage({ adapter, families, bridge }: Omit<MessageOf<'ready'>, 'kind'>): MessageOf<'ready'> {
  const reason = cut(bridge.reason, factCharacters);
  return { kind: 'ready', adapter: cut(adapter, factCharacters), families, bridge: { ...bridge, reason } };
}

/** What a model wrote; where it is too long for a message its beginning, and a line that says so. */
export function sampleMessage({ step, text }: Omit<MessageOf<'sample'>, 'kind'>): MessageOf<'sample'> {
  const start = cut(text, sampleCharacters);
  const note = start === text ? '' : `\n(cut after ${sampleCharacters.toLocaleString('en')} characters)`;
  return { kind: 'sample', step, text: start + note };
}

/** Reads what the workers of a run say, each of which is believed about itself only, and rank 0 about the run. */
export class TrainReports {
  readonly #fromStep: number;
  readonly #steps: number;
  readonly #heard = new Map<TrainReport['kind'], number>();
  /** The step of the last message of a kind: each is told of once, in order. */
  readonly #last = new Map<TrainReport['kind'], number>();

  constructor({ fromStep, steps }: { fromStep: number; steps: number }) {
    this.#fromStep = fromStep;
    this.#steps = steps;
  }

  /** @throws {ProtocolError} with one line, for what no worker of this rank says at this time. */
  read(value: unknown, { worker, rank }: { worker: string; rank: number }): TrainReport {
    const parsed = trainReport.safeParse(value);
    if (!parsed.success) throw new ProtocolError(`train: expected a message of a worker from ${worker}, got another`);
    const message = parsed.data;
    if (rank !== 0 && message.kind !== 'spans')
      throw new ProtocolError(`train: expected ${message.kind} from rank 0 only, got it from ${worker}`);
    this.#count(message);
    this.#checkStep(message, stepOf(message));
    return message;
  }

  #count({ kind }: TrainReport): void {
    const heard = (this.#heard.get(kind) ?? 0) + 1;
    this.#heard.set(kind, heard);
    if (heard > (most[kind] ?? Infinity))
      throw new ProtocolError(`train: expected ${kind} ${most[kind]} times at most`);
  }

  #checkStep({ kind }: TrainReport, told: number | undefined): void {
    if (told === undefined) return;
    const last = this.#last.get(kind) ?? this.#fromStep - 1;
    const isNext = told > last && told >= this.#fromStep && told <= this.#steps;
    if (!isNext)
      throw new ProtocolError(`train: expected ${kind} of a step from ${last + 1} to ${this.#steps}, got ${told}`);
    this.#last.set(kind, told);
  }
}

function stepOf(message: TrainReport): number | undefined {
  if (message.kind === 'step') return message.metrics.step;
  if (message.kind === 'done') return message.steps;
  return 'step' in message ? message.step : undefined;
}
