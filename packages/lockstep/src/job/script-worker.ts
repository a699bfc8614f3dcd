// What a worker of `lockstep run` starts with: it makes the process look as if Node had been given the script itself, tells
// the launcher why it fails, and ends with the launcher.
import '../../setup/stop-signals.mjs';
import { dirname, relative } from 'node:path';
import { ConfigError } from '@lockstep/collectives';
import { importBundle } from '../load/import-module.ts';
import { takeToken } from './job-environment.ts';
import { exitCodeOf, reportError } from '../console/report-error.ts';
import { setUpScript } from './set-up-script.ts';
import { onStopSignal, signalCode } from '../launch/stop-signals.ts';
import { thrownWords } from '../console/thrown-words.ts';
import type { LastWords } from './worker-failure.ts';

/** What a script's process says to the launcher: why it fails, or that the script itself decides what a signal does to it. */
export type ScriptWords = LastWords | { readonly heeds: NodeJS.Signals };

/** Errors whose message says all; of others Node shows where in the script they came up. */
const ofTheJob = new Set(['PEER_LOST', 'TIMEOUT', 'MISMATCH']);

takeToken();
process.once('disconnect', () => process.exit(1));
process.channel?.unref();
process.on('uncaughtExceptionMonitor', tell);
onStopSignal((signal) => {
  if (process.listenerCount(signal) > 1) process.send?.({ heeds: signal } satisfies ScriptWords);
  else process.exit(signalCode(signal));
});

(await setUpScript<{ applyDriver: () => void }>('environment.mjs')).applyDriver();
const [, module] = process.argv.splice(1, 2) as [string, string]; // this file, and the bundle
const script = process.argv[1]!;
process.once('beforeExit', neverEnds);
try {
  await importBundle(module, dirname(script));
  process.off('beforeExit', neverEnds);
} catch (error) {
  process.off('beforeExit', neverEnds);
  const { code } = tell(error);
  if (code === 'CONFIG') process.exit(exitCodeOf(error)); // the launcher says it, once for all
  if (ofTheJob.has(code)) process.exit(reportError(error));
  if (error instanceof Error) throw error;
  process.exit(reportError(new Error(`${relative('', script)}: expected no error, got ${thrownWords(error)}`)));
}

/** Node would end with 13, in silence. */
function neverEnds(): never {
  const got = 'an await at its top that nothing will end';
  const error = new ConfigError(`${relative('', script)}: expected a script that ends, got ${got}`);
  tell(error);
  process.exit(exitCodeOf(error));
}

function tell(error: unknown): LastWords {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const words = { code: String(code), message: String(message) };
  process.send?.(words satisfies ScriptWords);
  return words;
}
