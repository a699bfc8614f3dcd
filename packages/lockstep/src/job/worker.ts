// What every worker of a job starts with: it takes its seat, learns what to execute, makes the process look as if Node had been given
// that itself, tells the launcher why it fails, and ends with the job.
import '../../setup/stop-signals.mjs';
import { dirname, relative } from 'node:path';
import { ConfigError, type Seat } from '@lockstep/collectives';
import { exitCodeOf, reportError } from '../console/report-error.ts';
import { thrownWords } from '../console/thrown-words.ts';
import { failureWords, readLauncherWords, type WorkerWords } from '../hub/words.ts';
import { onStopSignal, signalCode } from '../launch/stop-signals.ts';
import { importBundle } from '../load/import-module.ts';
import { type Assignment, assignmentSchema } from './assignment.ts';
import { takeToken } from './job-environment.ts';
import { seatOfJob } from './seat.ts';
import { setUpScript } from './set-up-script.ts';

/** Errors whose message says all; of others Node shows where in the script they came up. */
const ofTheJob = new Set(['PEER_LOST', 'TIMEOUT', 'MISMATCH']);
/** How long the launcher may take to have heard why a worker fails. */
const hearingMs = 1_000;

takeToken();
(await setUpScript<{ applyDriver: () => void }>('environment.mjs')).applyDriver();
const seat = await sit();
await execute(assignmentSchema.parse(seat.welcome));

async function sit(): Promise<Seat> {
  try {
    const taken = await seatOfJob('worker');
    if (!taken)
      throw new ConfigError('worker: expected a job in LOCKSTEP_HUB, got nothing\nhint: train and run start workers');
    heedSignals(taken.seat);
    endWithJob(taken.seat);
    return taken.seat;
  } catch (error) {
    process.exit(reportError(error));
  }
}

/** A signal, and what the launcher says in its place, ends this process unless what it executes decides otherwise. */
function heedSignals(seat: Seat): void {
  onStopSignal((signal) => {
    if (process.listenerCount(signal) === 1) process.exit(signalCode(signal));
    seat.send({ kind: 'heeds', signal } satisfies WorkerWords);
  });
  seat.onMessage((value) => {
    const { signal } = readLauncherWords(value);
    process.emit(signal, signal);
  });
}

/** A worker does not outlive its job. */
function endWithJob(seat: Seat): void {
  process.on('uncaughtExceptionMonitor', (error) => seat.send(failureWords(error)));
  void seat.ended.then((error) => error && process.exit(reportError(error)));
}

async function execute({ module, script, args, environment }: Assignment): Promise<void> {
  Object.assign(process.env, environment);
  process.argv.splice(1, Infinity, script, ...args);
  const neverEnds = (): void => void endless(script);
  process.prependOnceListener('beforeExit', neverEnds);
  try {
    await importBundle(module, dirname(script));
  } catch (error) {
    await fail(error, script);
  } finally {
    process.off('beforeExit', neverEnds);
  }
}

/** Node would end with 13, in silence. */
async function endless(script: string): Promise<never> {
  const got = 'an await at its top that nothing will end';
  const error = new ConfigError(`${relative('', script)}: expected a script that ends, got ${got}`);
  await tell(error);
  process.exit(exitCodeOf(error));
}

async function fail(error: unknown, script: string): Promise<never> {
  await tell(error);
  const { code } = (error ?? {}) as { code?: unknown };
  if (code === 'CONFIG') process.exit(exitCodeOf(error)); // the launcher says it, once for all
  if (ofTheJob.has(String(code))) process.exit(reportError(error));
  if (error instanceof Error) throw error;
  process.exit(reportError(new Error(`${relative('', script)}: expected no error, got ${thrownWords(error)}`)));
}

/** Resolves when the launcher has heard it, or cannot hear. */
async function tell(error: unknown): Promise<void> {
  seat.send(failureWords(error));
  const late = new Promise<void>((resolve) => setTimeout(resolve, hearingMs)); // it keeps this process running meanwhile
  await Promise.race([seat.clockOffset().catch(() => undefined), late]);
}
