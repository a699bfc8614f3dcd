import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfigError } from '@lockstep/errors';
import { download, type DownloadLimits } from './download.ts';

const content = 'Call me Ishmael.\n';
const limits: DownloadLimits = { bytes: 1000, stallMs: 60_000, totalMs: 60_000 };

let cache = '';
let server: Server;
let base = '';
let requests = 0;
const answers: Record<string, RequestListener> = {
  '/a.txt': (_, response) => response.end(content),
  '/large': (_, response) => response.end('x'.repeat(1001)),
  '/bomb': (_, response) => response.setHeader('content-encoding', 'gzip').end(gzipSync('x'.repeat(1e6))),
  '/silent': () => {},
  '/stalls': (_, response) => void response.write('x'),
  '/cut': (_, response) =>
    void (response.setHeader('content-length', 9), response.write('x', () => response.destroy())),
  '/endless': (_, response) => response.setHeader('location', '/endless').writeHead(302).end(),
  '/moved': (_, response) => response.setHeader('location', './a.txt').writeHead(301).end(),
  '/to-file': (_, response) => response.setHeader('location', 'file:///etc/passwd').writeHead(302).end(),
  '/to-nowhere': (_, response) => response.writeHead(302).end(),
};

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'lockstep-download-'));
  requests = 0;
  server = createServer((request, response) => {
    requests++;
    answers[request.url!]!(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(cache, { recursive: true });
});

test.each(['/a.txt', '/moved'])('%s is fetched once, and kept', async (path) => {
  const file = await download(base + path, cache, limits);
  const asked = requests;
  expect(await download(base + path, cache, limits)).toBe(file);
  expect(await readFile(file, 'utf8')).toBe(content);
  expect(requests).toBe(asked);
});

test.each<[string, Partial<DownloadLimits>, string]>([
  ['/large', {}, 'expected at most 1000 bytes from'],
  ['/bomb', {}, 'expected at most 1000 bytes from'],
  ['/silent', { stallMs: 50 }, 'got nothing for 0.05 s'],
  ['/stalls', { stallMs: 50 }, 'got nothing for 0.05 s'],
  ['/stalls', { totalMs: 50 }, 'got no end of it within 0.05 s'],
  ['/cut', {}, 'expected the whole of'],
  ['/endless', {}, 'got HTTP status 302'],
  ['/to-file', {}, 'got a redirection to "file:///etc/passwd"'],
  ['/to-nowhere', {}, 'got a redirection to null'],
])('%s with %j is refused, and leaves nothing behind', async (path, changes, message) => {
  const fetched = download(base + path, cache, { ...limits, ...changes });
  await expect(fetched).rejects.toThrow(ConfigError);
  await expect(fetched).rejects.toThrow(message);
  await expect(fetched).rejects.toThrow(base + path);
  expect(await readdir(cache)).toEqual([]);
});

test('a URL with a sha256 gives that content or none', async () => {
  const sha256 = createHash('sha256').update(content).digest('hex');
  expect(await readFile(await download(`${base}/a.txt#sha256=${sha256}`, cache, limits), 'utf8')).toBe(content);
  const other = `${base}/a.txt#sha256=${'0'.repeat(64)}`;
  await expect(download(other, cache, limits)).rejects.toThrow(
    `text: expected ${other} to give what its sha256 says, got content with sha256 ${sha256}`,
  );
  await expect(download(`${base}/a.txt#sha256=abc`, cache, limits)).rejects.toThrow('64 lower-case hexadecimal digits');
  expect(await readdir(cache)).toHaveLength(1);
});

test('a link in the place of what was fetched is not believed', async () => {
  const file = await download(`${base}/a.txt`, cache, limits);
  await rm(file);
  await writeFile(join(cache, 'planted'), 'something else');
  await symlink('planted', file);
  expect(await readFile(await download(`${base}/a.txt`, cache, limits), 'utf8')).toBe(content);
  expect(await readFile(join(cache, 'planted'), 'utf8')).toBe('something else');
});
