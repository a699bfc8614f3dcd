// A text from the web, fetched once into the cache: within limits of size and time, by http and https alone, and where its URL names a sha256,
// that content or none.
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { replaceFile } from '@lockstep/nn/node';
import { pinnedSha256, requirePinned } from '../../data/pinned-sha256.ts';
import { ConfigError } from '@lockstep/errors';
import { isOwnFile, privateMode } from '../own-file.ts';

/** What a download may take. */
export interface DownloadLimits {
  /** Bytes of the whole, unpacked. */
  readonly bytes: number;
  /** Milliseconds without a byte. */
  readonly stallMs: number;
  /** Milliseconds for the whole. */
  readonly totalMs: number;
}

const usual: DownloadLimits = { bytes: 16 * 2 ** 30, stallMs: 60_000, totalMs: 6 * 3_600_000 };
const redirectLimit = 5;
const redirects = new Set([301, 302, 303, 307, 308]);

/** The path of a URL's content. What has been downloaded once is not asked for again. @throws {ConfigError} */
export async function download(url: string, cache: string, limits: DownloadLimits = usual): Promise<string> {
  pinnedSha256(url);
  const name = createHash('sha256').update(url).digest('hex').slice(0, 32);
  const path = join(
    cache,
    `${name}-${basename(new URL(url).pathname)
      .replaceAll(/[^\w.-]/g, '_')
      .slice(0, 80)}`,
  );
  if (isOwnFile(path)) return path;
  const deadline = new Deadline(limits);
  try {
    const write = async (file: FileHandle): Promise<void> => {
      const hash = createHash('sha256');
      for await (const chunk of limited(await request(url, deadline.signal), { url, limits, deadline })) {
        hash.update(chunk);
        await file.writeFile(chunk);
      }
      requirePinned(url, hash.digest('hex'));
    };
    await replaceFile(path, write, { mode: privateMode });
  } catch (error) {
    if (error instanceof ConfigError || isDisk(error)) throw error;
    throw new ConfigError(`text: expected the whole of ${url}, got ${deadline.reason ?? describe(error as Error)}`);
  } finally {
    deadline.clear();
  }
  return path;
}

/** Ends a request that takes too long, or that gives nothing for too long. */
class Deadline {
  readonly #abort = new AbortController();
  readonly #stallMs: number;
  readonly #total: NodeJS.Timeout;
  #stall: NodeJS.Timeout;
  /** Why it has been ended. */
  reason: string | undefined;

  constructor({ stallMs, totalMs }: DownloadLimits) {
    this.#stallMs = stallMs;
    this.#total = setTimeout(() => this.#end(`no end of it within ${totalMs / 1000} s`), totalMs);
    this.#stall = this.#startStall();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Something has come. */
  extend(): void {
    clearTimeout(this.#stall);
    this.#stall = this.#startStall();
  }

  clear(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#stall);
  }

  #startStall(): NodeJS.Timeout {
    return setTimeout(() => this.#end(`nothing for ${this.#stallMs / 1000} s`), this.#stallMs);
  }

  #end(reason: string): void {
    this.reason ??= reason;
    this.#abort.abort();
  }
}

async function* limited(
  body: AsyncIterable<Uint8Array>,
  { url, limits, deadline }: { url: string; limits: DownloadLimits; deadline: Deadline },
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    deadline.extend();
    bytes += chunk.length;
    if (bytes > limits.bytes)
      throw new ConfigError(
        `text: expected at most ${limits.bytes} bytes from ${url}, got more\nhint: fetch it yourself, and name the file`,
      );
    yield chunk;
  }
}

async function request(url: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  let target = new URL(url);
  for (let hops = 0; ; hops++) {
    const response = await fetch(target, { redirect: 'manual', signal }).catch((error: Error) => {
      if (signal.aborted) throw error;
      throw new ConfigError(`text: expected to fetch ${url}, got ${describe(error)}`);
    });
    if (redirects.has(response.status) && hops < redirectLimit) {
      await response.body?.cancel();
      target = redirected(target, response.headers.get('location'), url);
      continue;
    }
    if (!response.ok) throw new ConfigError(`text: expected to fetch ${url}, got HTTP status ${response.status}`);
    return response.body ?? new Blob([]).stream();
  }
}

/** Only to the web, and not from an encrypted page to one that is not. */
function redirected(from: URL, location: string | null, url: string): URL {
  const to = location === null || !URL.canParse(location, from) ? undefined : new URL(location, from);
  if (to?.protocol === 'https:' || (to?.protocol === 'http:' && from.protocol === 'http:')) return to;
  throw new ConfigError(`text: expected to fetch ${url}, got a redirection to ${JSON.stringify(location)}`);
}

/** A full disk is no fault of the server's. */
const isDisk = (error: unknown): boolean =>
  typeof (error as NodeJS.ErrnoException).errno === 'number' && 'path' in (error as object);

/** fetch says only that it failed; why is in the cause. */
function describe({ message, cause }: Error): string {
  return cause instanceof Error && cause.message ? `${message} (${cause.message})` : message;
}
