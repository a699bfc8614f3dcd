// Every check of an op holds in Chromium's WebGPU as in Node's: the same samples, families and tolerances, by the checker that users have.
import { expect, test } from 'vitest';
import { bundleOps } from './bundle-ops.ts';
import { launchChromium } from './launch.ts';

test('all ops hold in Chromium, and none is without a check', { timeout: 900_000 }, async ({ skip }) => {
  const browser = await launchChromium();
  if (!browser) return skip('LOCKSTEP_CHROMIUM names no browser');
  try {
    const module = await bundleOps();
    const page = await browser.newPage();
    await page.route('**', (route) =>
      new URL(route.request().url()).pathname === '/ops.js'
        ? route.fulfill({ contentType: 'text/javascript', body: module })
        : route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
    );
    await page.goto('http://localhost');
    // As strings, for the import is the page's and not this file's.
    const call = <T>(words: string): Promise<T> => page.evaluate(`import('/ops.js').then((ops) => ops.${words})`);
    expect(await call('unchecked()')).toEqual([]);
    const names = await call<string[]>('names()');
    const failures: string[] = [];
    let judgements = 0;
    for (let at = 0; at < names.length; at++) {
      const judged = await call<{ judgements: number; failures: string[] }>(`judge(${at})`);
      judgements += judged.judgements;
      failures.push(...judged.failures);
    }
    expect(failures).toEqual([]);
    expect(judgements).toBeGreaterThan(1000);
  } finally {
    await browser.close();
  }
});
