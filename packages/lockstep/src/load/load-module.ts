// Loads a module that a user wrote, and watches over it: whatever it does instead of loading becomes one line that names it.
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigError } from '@lockstep/trainer';
import type { RunModule } from '../bundle/run-module.ts';
import { importBundle, importModule } from './import-module.ts';
import { printableLine } from '../console/printable.ts';
import { reportError } from '../console/report-error.ts';
import { say } from '../console/say.ts';
import { thrownWords } from '../console/thrown-words.ts';

/** From here on an exit code tells of a signal, and of no decision of the module. */
const signalled = 128;
/** A module that has not loaded by then is said to be waited for. */
const patienceMs = 10_000;

/**
 * What the module at an absolute path exports, once its awaits have ended and nothing that it began has failed at once. `file` is
 * what messages call it.
 * @throws {ConfigError} for a module that throws (anything), cannot be parsed or found, awaits what never comes, leaves a
 * rejection unhandled, or ends the process: this one is reported, and the process ends with 2.
 */
export async function loadModule(path: string, file: string): Promise<Record<string, unknown>> {
  return watched(() => importModule(path), path, file);
}

/** As {@link loadModule}, of a bundle. @param source the file that it was made of. */
export async function loadBundle(
  { path, file: source }: RunModule,
  file: string = source,
): Promise<Record<string, unknown>> {
  return watched(() => importBundle(path, dirname(source)), source, file);
}

async function watched(
  load: () => Promise<Record<string, unknown>>,
  path: string,
  file: string,
): Promise<Record<string, unknown>> {
  const refuse = (got: string): ConfigError => new ConfigError(`${file}: expected a module that loads, got ${got}`);
  const watch = new Watch(refuse);
  const patience = setTimeout(() => say(process.stderr, waitingNote(file)), patienceMs).unref();
  try {
    return await Promise.race([watch.failed, importSettled(load)]);
  } catch (error) {
    if (error instanceof Error && (error as { code?: unknown }).code === 'CONFIG') throw error;
    throw new ConfigError(refuse(`${thrownWords(error)}${place(error, path)}`).message, { cause: error });
  } finally {
    clearTimeout(patience);
    watch.end();
  }
}

/** A module that waits for something that may come, and may not: a timer or a connection keeps the process alive meanwhile. */
const waitingNote = (file: string): string =>
  `note: waiting for ${printableLine(file)}, whose top level has not finished`;

/** What is rejected while a module runs is known to be unhandled only a turn later. A promise that it exports is its reader's. */
async function importSettled(load: () => Promise<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const module = await load();
  for (const value of Object.values(module)) if (value instanceof Promise) value.catch(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
  return module;
}

/** Sees what ends a process while a module loads, and no other way of loading tells. */
class Watch {
  readonly failed: Promise<never>;
  readonly #listeners: readonly (readonly [string, (value: unknown) => void])[];

  constructor(refuse: (got: string) => ConfigError) {
    let reject!: (error: ConfigError) => void;
    this.failed = new Promise((_, rejectIt) => (reject = rejectIt));
    this.#listeners = [
      ['beforeExit', () => reject(refuse('an await at its top that nothing will end'))],
      ['unhandledRejection', (reason) => reject(refuse(`a rejection that it does not handle: ${thrownWords(reason)}`))],
      ['uncaughtException', (error) => reject(refuse(thrownWords(error)))],
      ['exit', (code) => Number(code) < signalled && reportExit(refuse(`a call of process.exit(${Number(code)})`))],
    ];
    for (const [event, listener] of this.#listeners) process.on(event, listener);
  }

  end(): void {
    for (const [event, listener] of this.#listeners) process.off(event, listener);
  }
}

function reportExit(error: ConfigError): void {
  process.exitCode = reportError(error);
}

/** Where in the file it came up, as far as that can be told. */
function place(error: unknown, path: string): string {
  if (!(error instanceof Error) || error.message.includes(`${path}:`)) return '';
  const line = lineInStack(error.stack ?? '', path);
  return line === undefined ? '' : ` (line ${line})`;
}

function lineInStack(stack: string, path: string): string | undefined {
  const frame = stack
    .split('\n')
    .find((one) => one.includes(`${path}:`) || one.includes(`${pathToFileURL(path).href}:`));
  return /:(\d+):\d+\)?$/.exec(frame ?? '')?.[1];
}
