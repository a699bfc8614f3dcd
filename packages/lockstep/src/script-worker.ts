// What a worker of `lockstep run` starts with: it makes the process look as if Node had been given the script itself, tells
// the launcher why it fails, and ends with the launcher.
import { importModule } from './import-module.ts';
import { exitCodeOf, reportError } from './report-error.ts';
import { setUpScript } from './set-up-script.ts';
import type { LastWords } from './worker-failure.ts';

/** Errors whose message says all; of others Node shows where in the script they came up. */
const ofTheJob = new Set(['PEER_LOST', 'TIMEOUT', 'MISMATCH']);

process.once('disconnect', () => process.exit(1));
process.channel?.unref();
process.on('uncaughtExceptionMonitor', tell);

(await setUpScript<{ applyDriver: () => void }>('environment.mjs')).applyDriver();
process.argv.splice(1, 1); // this file
try {
  await importModule(process.argv[1]!);
} catch (error) {
  const { code } = tell(error);
  if (code === 'CONFIG') process.exit(exitCodeOf(error)); // the launcher says it, once for all
  if (ofTheJob.has(code)) process.exit(reportError(error));
  throw error;
}

function tell(error: unknown): LastWords {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  const words = { code: String(code), message: String(message) };
  process.send?.(words);
  return words;
}
