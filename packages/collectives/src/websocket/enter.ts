// Opening a connection and shaking hands on it, again where others have pushed it out before it had proved anything.

import { closeCode } from '../close-code.ts';
import { Connection, type ConnectionEnd, type ConnectionOptions } from './connection.ts';
import { type HandshakeOptions, shakeHands } from './dial.ts';
import { TimeoutError } from '@lockstep/errors';
import type { SocketLike } from './socket.ts';

export interface EnterOptions extends HandshakeOptions, ConnectionOptions {
  readonly open: () => SocketLike;
  /** For all tries together, ms. */
  readonly timeoutMs: number;
  /** What it means that the other side has ended the connection. */
  readonly reasonOf: (end: ConnectionEnd) => Error;
  /** Begins the message of a timeout, which says what was expected. */
  readonly expected: string;
}

export interface Entered {
  readonly connection: Connection;
  readonly job: string;
}

/** The first pause between two tries, ms; each is twice the one before, give or take a half. */
const firstPauseMs = 20;
const longestPauseMs = 1_000;

/** @throws {TimeoutError} after `timeoutMs`, and what `shakeHands` and `reasonOf` say. */
export async function enter(options: EnterOptions): Promise<Entered> {
  const { timeoutMs, expected } = options;
  const deadline = performance.now() + timeoutMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    const left = deadline - performance.now();
    const entered = left > 0 && (await tryToEnter(options, left));
    if (entered) return entered;
    if (performance.now() + pauseMs >= deadline)
      throw new TimeoutError(`${expected} within ${timeoutMs} ms, got no answer`);
    await new Promise((resolve) => setTimeout(resolve, pauseMs * (0.5 + Math.random())));
  }
}

/** Undefined where it was pushed out. */
async function tryToEnter(options: EnterOptions, ms: number): Promise<Entered | undefined> {
  const connection = new Connection(options.open(), options);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    connection.terminate();
  }, ms);
  try {
    return { connection, job: await shakeHands(connection, options) };
  } catch (error) {
    if (!connection.isEnded) {
      connection.refuse(error as Error);
      throw error;
    }
    if (isLate) return undefined;
    const end = await connection.ended;
    if (wasPushedOut(end)) return undefined;
    throw options.reasonOf(end);
  } finally {
    clearTimeout(timer);
  }
}

/** With a farewell, or, where there was no time for one, without. */
function wasPushedOut({ code, wasOpen, error }: ConnectionEnd & { error?: { code?: string } }): boolean {
  if (code === closeCode.crowded) return true;
  return code === closeCode.cut && (wasOpen ? !error : /ECONNRESET|EPIPE/.test(error?.code ?? ''));
}
