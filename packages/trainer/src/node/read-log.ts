// The text of a log that grows by lines, such as metrics.jsonl: read whole, and so only up to a size that memory holds.
import { readText } from '@lockstep/nn/node';
import { ConfigError } from '@lockstep/errors';

/** Bytes: more than a million steps write. */
const limit = 2 ** 28;

/** What a log says; nothing where there is none. @throws {ConfigError} for one that is too long, or no file. */
export async function readLog(path: string): Promise<string> {
  return readText(path, limit).catch(({ code, message }: NodeJS.ErrnoException) => {
    if (code === 'ENOENT') return '';
    throw new ConfigError(
      `${path}: expected a log, got ${code ?? message}\nhint: move it away, and a new one is begun`,
    );
  });
}
