// Asks the process that tokenises, one question at a time, and gives it up when it takes too long or too much memory.
import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@lockstep/errors';
import type { Answer, Question } from './tokenizer-messages.ts';

/** What a tokenizer.json may take. */
export interface TokenizerLimits {
  /** Seconds until a tokenizer is ready. */
  readonly secondsToOpen?: number;
  /** Seconds for a text, or for ids. */
  readonly seconds?: number;
  /** Seconds for each million characters, beyond that. */
  readonly secondsPerMillion?: number;
  /** Bytes of memory of its process. */
  readonly bytes?: number;
  /** Bytes of memory for each character of a text, beyond that. */
  readonly bytesPerCharacter?: number;
}

// From dist in any case: Node 20 starts no process from TypeScript.
const program = fileURLToPath(new URL('../../dist/node/tokenizer-process.js', import.meta.url));

/** The process of one tokenizer. It starts with the first question, ends with this process, and keeps nothing alive between questions. */
export class TokenizerClient {
  readonly #open: Question;
  readonly #limits: Required<TokenizerLimits>;
  #process: ChildProcess | undefined;
  /** The question before has been answered. */
  #turn: Promise<unknown> = Promise.resolve();
  #lastWords = '';

  /** `open` is what a new process is told first. */
  constructor(open: Question, limits: TokenizerLimits = {}) {
    this.#open = open;
    this.#limits = {
      secondsToOpen: 120,
      seconds: 60,
      secondsPerMillion: 60,
      bytes: 4 * 2 ** 30,
      bytesPerCharacter: 1024,
      ...limits,
    };
  }

  /** Rejects with ConfigError where the library fails, ends its process, or goes beyond the limits. */
  ask(question: Question): Promise<Answer> {
    const turn = this.#turn.then(() => this.#answer(question));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #answer(question: Question): Promise<Answer> {
    if (this.#process) return this.#exchange(this.#process, question);
    const started = this.#start();
    this.#process = started;
    const opened = await this.#exchange(started, this.#open);
    return question === this.#open ? opened : this.#exchange(started, question);
  }

  #start(): ChildProcess {
    this.#lastWords = '';
    const { PATH, TMPDIR, SystemRoot } = process.env;
    const started = fork(program, {
      serialization: 'advanced',
      execArgv: [],
      // Nothing that a stranger's file could want; and where the library panics, one line and no stack.
      env: { PATH, TMPDIR, SystemRoot, RUST_BACKTRACE: '0' } as NodeJS.ProcessEnv,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    started.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(0, 4000);
    });
    // Between questions, too: the next one gets a new process.
    return started.on('error', () => this.#forget(started)).on('exit', () => this.#forget(started));
  }

  #forget(ended: ChildProcess): void {
    if (this.#process === ended) this.#process = undefined;
  }

  /** Holds this process while it waits, and no longer. */
  async #exchange(asked: ChildProcess, question: Question): Promise<Answer> {
    hold(asked, true);
    try {
      return await this.#reply(asked, question);
    } catch (error) {
      if (!(error instanceof ConfigError && error.cause === refusal)) this.#giveUp(asked);
      throw error;
    } finally {
      hold(asked, false);
    }
  }

  #giveUp(asked: ChildProcess): void {
    this.#forget(asked);
    asked.kill('SIGKILL');
  }

  #reply(asked: ChildProcess, question: Question): Promise<Answer> {
    const { seconds, bytes } = this.#limitsFor(question);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(tooLong(seconds)), seconds * 1000);
      const fail = (error: Error): void => settle(() => reject(error));
      const settle = (how: () => void): void => {
        clearTimeout(timer);
        asked.off('close', onClose).off('message', onMessage).off('error', fail);
        how();
      };
      // Comes when its last words have been read, too.
      const onClose = (): void => fail(ended(this.#lastWords));
      const onMessage = (answer: Answer): void => {
        if (!('error' in answer)) settle(() => resolve(answer));
        else fail(answer.error === 'memory' ? tooMuch(bytes) : refused(answer.message));
      };
      asked.on('close', onClose).on('message', onMessage).on('error', fail);
      // Who cannot be asked is ending, or as good as ended: its close says so.
      asked.send({ ...question, bytes }, (error) => error && asked.kill('SIGKILL'));
    });
  }

  #limitsFor(question: Question): { seconds: number; bytes: number } {
    const { secondsToOpen, seconds, secondsPerMillion, bytes, bytesPerCharacter } = this.#limits;
    const least = question.kind === 'open' ? secondsToOpen : seconds;
    const length = lengthOf(question);
    return { seconds: least + (secondsPerMillion * length) / 1e6, bytes: bytes + bytesPerCharacter * length };
  }
}

/** Marks errors after which the process is as good as before. */
const refusal = Symbol('refusal');

function lengthOf(question: Question): number {
  if (question.kind === 'open') return question.plain.length;
  return question.kind === 'encode' ? question.text.length : question.ids.length;
}

/** Whether this process goes on living for the other's sake. */
function hold(other: ChildProcess, held: boolean): void {
  for (const handle of [other, other.channel, other.stderr as Socket | null]) handle?.[held ? 'ref' : 'unref']();
}

function tooLong(seconds: number): ConfigError {
  return new ConfigError(
    `huggingface: expected a tokenizer.json that answers within ${Number(seconds.toFixed(1))} s, got no answer\n` +
      'hint: a regular expression in it may take exponentially long',
  );
}

function tooMuch(bytes: number): ConfigError {
  const limit = `${Number((bytes / 2 ** 30).toFixed(1))} GiB`;
  return new ConfigError(
    `huggingface: expected a tokenizer.json that does with ${limit} of memory, got one that takes more`,
  );
}

function refused(message: string): ConfigError {
  return new ConfigError(`huggingface: expected a tokenizer.json that the library takes, got "${firstLine(message)}"`, {
    cause: refusal,
  });
}

/** A panic ends the process; it says why in the line after the one that says where. */
function ended(lastWords: string): ConfigError {
  const lines = lastWords.split('\n').filter((line) => line !== '');
  const panic = lines.findIndex((line) => line.includes('panicked at'));
  const why = lines[panic + 1] ?? 'its process ended';
  return new ConfigError(`huggingface: expected a tokenizer.json that the library takes, got "${firstLine(why)}"`);
}

function firstLine(message: string): string {
  return message.split('\n')[0]!.slice(0, 200);
}
