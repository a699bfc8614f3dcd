// The process in which Hugging Face's own library reads a tokenizer.json and tokenises. Whoever wrote that file decides how long that
// takes, how much memory, and whether the library aborts the process: so it is one that can be ended. The main thread only
// watches; a thread of its own calls the library.
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { Tokenizer } from 'tokenizers';
import type { Answer, Question } from './tokenizer-messages.ts';

/** Passes questions to the thread and answers back, and ends this process with the one that started it, or at its limit of memory. */
function watch(): void {
  const end = (): void => void process.kill(process.pid, 'SIGKILL'); // the library cannot be interrupted in another way
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) process.on(signal, () => {});
  const thread = new Worker(new URL(import.meta.url));
  let limit = Infinity;
  process.on('message', (question: Question & { bytes: number }) => {
    limit = question.bytes;
    thread.postMessage(question);
  });
  thread.on('message', (answer: Answer) => process.send!(answer));
  process.on('disconnect', end);
  setInterval(() => {
    if (process.memoryUsage.rss() > limit) process.send!({ error: 'memory' } satisfies Answer, end);
  }, 50);
}

function serve(): void {
  const library = new Library();
  parentPort!.on('message', (question: Question) => {
    library.answer(question).then(
      (answer) => parentPort!.postMessage(answer),
      (error: Error) => parentPort!.postMessage({ error: 'refused', message: error.message } satisfies Answer),
    );
  });
}

class Library {
  #plain!: Tokenizer;
  /** The one with an unknown token where the plain one has none, and that token's id. */
  #strict: Tokenizer | undefined;
  #unknown: number | undefined;
  /** Ids of added tokens, which the unknown token may have moved, as the plain one numbers them. */
  readonly #moved = new Map<number, number>();

  async answer(question: Question): Promise<Answer> {
    switch (question.kind) {
      case 'open':
        return { vocabSize: this.#open(question) };
      case 'encode':
        return this.#encode(question);
      case 'decode':
        return { text: await this.#decode(question.ids) };
    }
  }

  #open({ plain, strict, unknown, added }: Extract<Question, { kind: 'open' }>): number {
    this.#plain = load(plain);
    if (strict !== undefined) {
      this.#strict = load(strict);
      this.#unknown = this.#strict.tokenToId(unknown) ?? undefined;
      for (const token of added) this.#moved.set(this.#strict.tokenToId(token)!, this.#plain.tokenToId(token)!);
    }
    return Object.values(this.#plain.getVocab(true)).reduce((most, id) => Math.max(most, id), -1) + 1;
  }

  async #encode({ text, drop }: Extract<Question, { kind: 'encode' }>): Promise<Answer> {
    if (!this.#strict) return { ids: Uint32Array.from(await idsOf(this.#plain, text)) };
    const encoding = await encode(this.#strict, text);
    const ids = encoding.getIds();
    const first = ids.indexOf(this.#unknown!);
    if (first >= 0 && !drop) return { unknown: encoding.getOffsets()[first] as [number, number] };
    const all = Uint32Array.from(ids, (id) => this.#moved.get(id) ?? id);
    if (first < 0) return { ids: all };
    // The model itself drops what it does not know; where it fails instead, the rest is what is left.
    const left = (): Uint32Array => all.filter((_, index) => ids[index] !== this.#unknown);
    return { ids: await idsOf(this.#plain, text).then((known) => Uint32Array.from(known), left) };
  }

  /** Runs of known ids are decoded together; the library leaves others out in silence. */
  async #decode(ids: Uint32Array): Promise<string> {
    const runs: number[][] = [[]];
    for (const id of ids) {
      if (this.#plain.idToToken(id) !== null) runs.at(-1)!.push(id);
      else runs.push([]);
    }
    const texts = await Promise.all(runs.map(async (run) => (run.length > 0 ? this.#plain.decode(run, false) : '')));
    return texts.join('\uFFFD');
  }
}

/** A training text is neither cut short nor filled up. */
function load(json: string): Tokenizer {
  const tokenizer = Tokenizer.fromString(json);
  tokenizer.disableTruncation();
  tokenizer.disablePadding();
  return tokenizer;
}

function encode(tokenizer: Tokenizer, text: string): ReturnType<Tokenizer['encode']> {
  return tokenizer.encode(text, null, { addSpecialTokens: false });
}

async function idsOf(tokenizer: Tokenizer, text: string): Promise<number[]> {
  return (await encode(tokenizer, text)).getIds();
}

if (isMainThread) watch();
else serve();
