// Bytes to text, chunk by chunk, refusing what is no text. Characters that lie across the border of two chunks stay whole.
import { ConfigError } from '@lockstep/errors';

/** Any series of chunks. */
export type Chunks<T> = AsyncIterable<T> | Iterable<T>;

const hint = "hint: tokenizer: 'bytes' takes any file; text in another encoding must be converted to UTF-8";

/** Decodes UTF-8 (a byte order mark at the start is dropped). Throws ConfigError at a NUL byte or a broken sequence; `name` is the text's. */
export async function* decodeText(chunks: Chunks<Uint8Array>, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let position = 0;
  for await (const chunk of chunks) {
    const zero = chunk.indexOf(0);
    if (zero >= 0)
      throw new ConfigError(`text: expected text, got a NUL byte at ${position + zero} of ${name}\n${hint}`);
    yield decode(decoder, chunk, `between bytes ${position} and ${position + chunk.length} of ${name}`);
    position += chunk.length;
  }
  yield decode(decoder, undefined, `at the end of ${name}`);
}

/** `chunk` undefined: the text ends here. */
function decode(decoder: TextDecoder, chunk: Uint8Array | undefined, place: string): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch {
    throw new ConfigError(`text: expected UTF-8, got other bytes ${place}\n${hint}`);
  }
}
