// The bench as a page: two files that any web server can hold, or that are served here to browsers of this machine, which give back what
// they have measured.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from '@lockstep/trainer';
import { build } from 'esbuild';
import type { BenchFile } from '../bench-file.ts';
import { expectBenchFile, largestBenchFile } from '../bench-schema.ts';
import { pageHtml } from './html.ts';
import { deliveryPath, type Wishes } from './wishes.ts';

/** Texts by the names of their files. */
export type PageFiles = ReadonlyMap<string, string>;

const index = 'index.html';
const module = 'bench.js';

/** @throws {ConfigError} in a kit, which has no sources for a page. */
export async function buildPage(wishes: Wishes): Promise<PageFiles> {
  const own = fileURLToPath(import.meta.url);
  const entry = join(dirname(own), `page${extname(own)}`);
  if (!existsSync(entry))
    throw new ConfigError('bench kernels: expected the package lockstep for --browser, got a kit, which has no pages');
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    conditions: ['browser', ...(extname(own) === '.ts' ? ['@lockstep/source'] : [])],
    legalComments: 'none',
    logLevel: 'silent',
    write: false,
  });
  return new Map([
    [index, pageHtml(wishes, `./${module}`)],
    [module, outputFiles[0]!.text],
  ]);
}

export async function writePage(files: PageFiles, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, text] of files) await writeFile(join(folder, name), text);
}

const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

/** Both give a page the finer clock of those that share nothing with others. */
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
} as const;

/**
 * Serves the page on 127.0.0.1 and gives every file of a bench that comes from it, until nobody asks for more. What other pages send does
 * not count: they cannot know the address, which has a word in it that cannot be guessed.
 * @param ready hears the address
 */
export async function* servePage(files: PageFiles, ready: (url: string) => void): AsyncGenerator<BenchFile> {
  const secret = `/${randomBytes(16).toString('hex')}/`;
  const arrived: BenchFile[] = [];
  let wake = (): void => {};
  const server = createServer((request, response) => {
    const path = request.url?.startsWith(secret) ? request.url.slice(secret.length).split('?')[0] || index : '';
    if (request.method === 'POST' && path === deliveryPath)
      void receive(request, response).then((file) => {
        if (file) arrived.push(file);
        wake();
      });
    else answer(response, files.get(path), types[extname(path)]);
  });
  try {
    ready(`http://127.0.0.1:${await listen(server)}${secret}`);
    for (;;) {
      while (arrived.length > 0) yield arrived.shift()!;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    server.close();
  }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

function answer(response: ServerResponse, text: string | undefined, type = 'text/plain'): void {
  response.writeHead(text === undefined ? 404 : 200, { 'Content-Type': `${type}; charset=utf-8`, ...isolation });
  response.end(text ?? 'not found\n');
}

/** A file of a bench; undefined for what is none, of which the page is told. */
async function receive(request: IncomingMessage, response: ServerResponse): Promise<BenchFile | undefined> {
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > largestBenchFile) throw new ConfigError('expected a file of at most 16 MiB, got more');
      chunks.push(chunk);
    }
    const file = expectBenchFile(JSON.parse(Buffer.concat(chunks).toString('utf8')), 'what the page sent');
    response.writeHead(204, { Connection: 'close' }).end();
    return file;
  } catch (error) {
    response.writeHead(400, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${(error as Error).message}\n`);
    return undefined;
  }
}
