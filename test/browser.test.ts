// The packages run in a page unchanged: a bundle of their sources trains in headless Chromium, on another driver and other
// kernel families than Node's, and gets Node's numbers.
import { readFileSync } from 'node:fs';
import { textFromString } from '@lockstep/trainer';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, type TestContext } from 'vitest';
import { bundleForPage } from './browser/bundle.ts';
import { launchChromium } from './browser/launch.ts';
import { type Architecture, fiveSteps, type FiveSteps, tides } from './browser/five-steps.ts';
import { device } from './gpu.ts';

const bundle = await bundleForPage(new URL('browser/page.ts', import.meta.url));
const text = readFileSync(new URL('fixtures/tides.txt', import.meta.url), 'utf8');

/** What the page can fetch. */
const files: Readonly<Record<string, { readonly contentType: string; readonly body: string }>> = {
  '/': { contentType: 'text/html', body: '<!doctype html>' },
  '/page.js': { contentType: 'text/javascript', body: bundle.outputFiles[0]!.text },
  '/tides.txt': { contentType: 'text/plain', body: text },
};

let browser: Browser | undefined;
let page: Page | undefined;

beforeAll(async () => {
  browser = await launchChromium();
  if (!browser) return;
  page = await browser.newPage();
  // Every request is answered here, so that there is no server. Localhost is a secure context all the same, without which
  // a page gets neither WebGPU nor hashes.
  await page.route('**', (route) => route.fulfill(files[new URL(route.request().url()).pathname] ?? { status: 404 }));
  await page.goto('http://localhost');
});
afterAll(() => browser?.close());

async function trainInPage(architecture: Architecture, { skip }: TestContext): Promise<FiveSteps> {
  if (!page) return skip('LOCKSTEP_CHROMIUM names no browser');
  // As a string, for the import is the page's and not this file's.
  return page.evaluate(`import('/page.js').then(({ trainInPage }) => trainInPage('${architecture}'))`);
}

const distance = (a: number, b: number): number => Math.abs(a - b);

test('the bundle holds nothing of Node', () => {
  const { inputs, outputs } = bundle.metafile;
  expect(Object.keys(inputs)).toContain('packages/trainer/src/train.ts');
  expect(Object.keys(inputs).filter((path) => /node:|\/src\/node\/|\/node_modules\/ws\//.test(path))).toEqual([]);
  expect(Object.values(outputs).flatMap(({ imports }) => imports)).toEqual([]);
});

describe.each<Architecture>(['gpt', 'llama'])('%s', (architecture) => {
  test('five steps in a page start from the weights of Node and have its losses within 1e-4', async (context) => {
    const there = await trainInPage(architecture, context);
    const here = await fiveSteps(architecture, device, await textFromString(text, tides));
    expect(there.initialSha256).toBe(here.initialSha256);
    expect(there.losses).toHaveLength(5);
    for (const [step, loss] of there.losses.entries()) expect(distance(loss, here.losses[step]!)).toBeLessThan(1e-4);
    expect(distance(there.validationLoss!, here.validationLoss!)).toBeLessThan(1e-4);
    expect(there.validationLoss).toBeLessThan(there.losses[0]! - 0.2);
  });

  test('a page that trains twice gets the same bits twice', async (context) => {
    expect(await trainInPage(architecture, context)).toEqual(await trainInPage(architecture, context));
  });
});
