// What the launcher and the workers of a job say to each other through the hub.
import type { TraceSpan } from '@lockstep/collectives';
import type { BridgeChoice } from './choose-bridge.ts';
import type { StepMetrics } from '@lockstep/trainer';
import type { Run } from '@lockstep/trainer';
import * as z from 'zod';

/** What every worker is given on joining: the job. */
export interface Job {
  /** As the launcher resolved it: a run is data and needs no code. */
  readonly run: Run;
  /** The folder that paths and packages of the run count from. */
  readonly from: string;
  /** The run's folder. */
  readonly root: string;
  /** Path of the checkpoint to go on from. */
  readonly checkpoint?: string | undefined;
  readonly bucketBytes?: number | undefined;
  /** Whether workers are to tell where their time goes. */
  readonly trace?: boolean | undefined;
}

/** The run itself is checked by whoever reads the job. */
export const jobSchema: z.ZodType<Omit<Job, 'run'> & { run: unknown }> = z.object({
  run: z.unknown(),
  from: z.string(),
  root: z.string(),
  checkpoint: z.string().optional(),
  bucketBytes: z.number().optional(),
  trace: z.boolean().optional(),
});

/** From rank 0, but for `spans` and `failed`, which come from any worker. */
export type WorkerMessage =
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
  | { readonly kind: 'validation'; readonly step: number; readonly loss: number }
  | { readonly kind: 'sample'; readonly step: number; readonly text: string }
  | { readonly kind: 'checkpoint'; readonly step: number; readonly path: string }
  | ({ readonly kind: 'done' } & RunResult)
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

/** How a run ended. */
export interface RunResult {
  /** Steps taken in all. */
  readonly steps: number;
  readonly loss: number;
  readonly validationLoss?: number | undefined;
  readonly weightsSha256: string;
  /** Whether it was asked to end before its last step. */
  readonly stopped: boolean;
}

/** To all workers: end after the step that is under way. */
export type LauncherMessage = { readonly kind: 'stop' };
