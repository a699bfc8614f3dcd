import { expect, test } from 'vitest';
import { placeOf } from './place.ts';

const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';

test.each([
  ['Chrome 156', chrome],
  ['Edge 140', `${chrome} Edg/140.0.0.0`],
  ['Samsung Internet 28', chrome.replace('Chrome/', 'SamsungBrowser/28.0 Chrome/')],
  ['Firefox 145', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0'],
  [
    'Safari 26.1',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1',
  ],
  ['a browser without a name', ''],
])('%s is known by what it calls itself', (name, userAgent) => {
  expect(placeOf({ userAgent }, '1.0.0').browser).toBe(name);
});

test('brands are asked first, and the engine is named only where there is nothing else', () => {
  const nothing = { brand: 'Not:A-Brand', version: '8' };
  const engine = { brand: 'Chromium', version: '156' };
  const of = (...brands: (typeof engine)[]) =>
    placeOf({ userAgent: chrome, userAgentData: { brands, platform: 'Android' }, deviceMemory: 4 }, '1.0.0');
  expect(of(nothing, engine, { brand: 'Vivaldi', version: '9' })).toMatchObject({
    browser: 'Vivaldi 9',
    machine: { system: 'Android', memoryBytes: 2 ** 32 },
  });
  expect(of(nothing, engine).browser).toBe('Chromium 156');
});
