// What every worker of a job says of itself to its launcher, and what the launcher says to all of them, whatever they execute. Neither
// believes the other's bytes: a value is a message only when it has the form and the bounds that are written here.
import { ProtocolError } from '@lockstep/collectives';
import { stopSignals } from '../launch/stop-signals.ts';
import { thrownWords } from '../console/thrown-words.ts';
import * as z from 'zod';

export type WorkerWords =
  /** Why it fails. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** What it executes decides itself what a signal does to it. */
  | { readonly kind: 'heeds'; readonly signal: NodeJS.Signals };

/** Longer ones are cut by whoever sends them. */
const [codeCharacters, failureCharacters] = [64, 4_000];

const workerWords: z.ZodType<WorkerWords> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('failed'),
    code: z.string().max(codeCharacters),
    message: z.string().max(failureCharacters),
  }),
  z.object({ kind: z.literal('heeds'), signal: z.enum(stopSignals) }),
]);

/** What a worker says of itself; nothing where it says something else. */
export function readWords(value: unknown): WorkerWords | undefined {
  return workerWords.safeParse(value).data;
}

/** What a worker says of its failure: people throw anything. */
export function failureWords(error: unknown): Extract<WorkerWords, { kind: 'failed' }> {
  const { message, code = '' } = (error instanceof Error ? error : { message: thrownWords(error) }) as {
    message: unknown;
    code?: unknown;
  };
  return { kind: 'failed', code: cut(String(code), codeCharacters), message: cut(String(message), failureCharacters) };
}

/** The text, or its beginning and an ellipsis: no longer than that, and with no character halved. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** To all workers: end as they would on this signal. */
export interface LauncherWords {
  readonly kind: 'stop';
  readonly signal: NodeJS.Signals;
}

const launcherWords: z.ZodType<LauncherWords> = z.object({ kind: z.literal('stop'), signal: z.enum(stopSignals) });

/** @throws {ProtocolError} for what no launcher says. */
export function readLauncherWords(value: unknown): LauncherWords {
  const { data } = launcherWords.safeParse(value);
  if (data) return data;
  throw new ProtocolError('worker: expected a message of the launcher, got another');
}
