// `lockstep bench kernels --browser` as its user meets it: the page measures in Chromium, and gives the file that Node's bench writes.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { benchFile, measuredRow } from '../packages/lockstep/src/bench/bench-file.fixture.ts';
import { readBenchFile } from '../packages/lockstep/src/bench/bench-schema.ts';
import { reportPage } from '../packages/lockstep/src/bench/report/page.ts';
import { launchChromium } from './browser/launch.ts';
import { run, start } from './cli.ts';

let browser: Browser | undefined;
let cwd: string;
beforeAll(async () => {
  browser = await launchChromium();
  cwd = await mkdtemp(join(tmpdir(), 'bench-browser-'));
});
afterAll(() => browser?.close());

const args = ['bench', 'kernels', '--browser', '--op', 'add', '--shapes', '64x64', '--rounds', '1'];

test('a page proves and times a kernel, and its file is one of the bench', async ({ skip }) => {
  if (!browser) return skip('LOCKSTEP_CHROMIUM names no browser');
  const bench = start([...args, '--json', 'page.json'], { cwd, env: { NO_COLOR: '1' } });
  const url = await bench.line(/^http:/);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/);
  // Who does not know the word in the address gets nothing, and can give nothing.
  expect((await fetch(new URL('/index.html', url))).status).toBe(404);
  expect((await fetch(new URL('/result', url), { method: 'POST', body: '{}' })).status).toBe(404);
  const refused = await fetch(new URL('result', url), { method: 'POST', body: '{"schema":"<script>"}' });
  expect([refused.status, await refused.text()]).toEqual([
    400,
    expect.stringMatching(/^what the page sent: expected a file of `lockstep bench … --json`, got .* at schema\n$/),
  ]);
  const page = await browser.newPage({ viewport: { width: 360, height: 740 } });
  await page.goto(url);
  await page.click('#start');
  await page.waitForSelector('#files:not([hidden])');
  expect(await page.textContent('tbody tr')).toMatch(/^add64x64f32generated/);
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  const { code, stdout } = await bench.finished;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^google swiftshader \(software adapter: a CPU does its work\)$/m);
  expect(stdout).toMatch(/^add +64x64 +f32 +generated +[\d.]+ /m);
  const file = await readBenchFile(join(cwd, 'page.json'));
  expect(file).toMatchObject({
    schema: 'lockstep-bench/3',
    browser: expect.stringMatching(/^Chrom/) as string,
    adapter: { software: true },
    kernels: [{ op: 'add', shape: '64x64', status: 'ok' }],
  });
});

test('the page as files works from any path, and asks no other server for anything', async ({ skip }) => {
  if (!browser) return skip('LOCKSTEP_CHROMIUM names no browser');
  const { code, stdout } = await run([...args, '--out', 'site'], { cwd });
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^site: index\.html, bench\.js, for any web server/)]);
  const page = await browser.newPage();
  const asked: string[] = [];
  await page.route('**', (route) => {
    const { pathname } = new URL(route.request().url());
    asked.push(pathname);
    const name = pathname === '/some/where/' ? 'index.html' : pathname.replace('/some/where/', '');
    return route.fulfill({ path: join(cwd, 'site', name) });
  });
  await page.goto('http://localhost/some/where/');
  await page.click('#start');
  const saved = page.waitForEvent('download');
  await page.click('#download');
  const download = await saved;
  expect(download.suggestedFilename()).toMatch(/^lockstep-bench-google-swiftshader-in-Chrom.*\.json$/);
  const file = await readBenchFile(await download.path());
  expect(file.kernels).toMatchObject([{ op: 'add', shape: '64x64', status: 'ok' }]);
  // The module once for the page, once for its worker.
  expect(asked).toEqual(['/some/where/', '/some/where/bench.js', '/some/where/bench.js']);
});

test('a report sorts by the column whose head is pressed, and is no wider than a phone', async ({ skip }) => {
  if (!browser) return skip('LOCKSTEP_CHROMIUM names no browser');
  const rows = [300, 20, 100].map((us) => ({ ...measuredRow(), shape: `${us}`, us }));
  const page = await browser.newPage({ viewport: { width: 360, height: 740 } });
  await page.setContent(await reportPage([benchFile(rows), benchFile([rows[0]!], 'other')]));
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  const shapes = (): Promise<(string | null)[]> =>
    page.locator('.sortable tbody td:nth-child(2)').evaluateAll((cells) => cells.map((cell) => cell.textContent));
  const head = page.getByRole('button', { name: 'µs' }).first();
  await head.click();
  expect(await shapes()).toEqual(['20', '100', '300']);
  await head.click();
  expect(await shapes()).toEqual(['300', '100', '20']);
});
