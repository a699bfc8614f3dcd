// Where a bench runs in a page: what its file says of browser and machine, which is what browsers tell.
import type { Place } from '../empty-file.ts';

/** What of a page's `navigator` is read. */
export interface Told {
  readonly userAgent: string;
  readonly hardwareConcurrency?: number | undefined;
  /** GiB, rounded. */
  readonly deviceMemory?: number | undefined;
  readonly userAgentData?:
    | {
        readonly brands: readonly { readonly brand: string; readonly version: string }[];
        readonly platform: string;
      }
    | undefined;
}

export function placeOf(told: Told, lockstep: string): Place {
  const { hardwareConcurrency = 0, deviceMemory = 0 } = told;
  return {
    lockstep,
    browser: browserOf(told),
    machine: {
      system: systemOf(told),
      cpu: 'a processor that the browser does not name',
      cores: hardwareConcurrency,
      memoryBytes: deviceMemory * 2 ** 30,
    },
    clocks: 'unknown',
  };
}

/** The more particular first: many call themselves Chrome and Safari, too. */
const agents: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/EdgA?\/(\d+)/, 'Edge'],
  [/OPR\/(\d+)/, 'Opera'],
  [/SamsungBrowser\/(\d+)/, 'Samsung Internet'],
  [/(?:Firefox|FxiOS)\/(\d+)/, 'Firefox'],
  [/(?:CriOS|HeadlessChrome|Chrome)\/(\d+)/, 'Chrome'],
  [/Version\/([\d.]+).*Safari/, 'Safari'],
];

/** Brands that say nothing, which keep pages from believing them all, and the engine beside a browser's own name. */
const isBrand = ({ brand }: { readonly brand: string }): boolean => !/not.?a.?brand/i.test(brand);
const isEngine = ({ brand }: { readonly brand: string }): boolean => brand === 'Chromium';

function browserOf({ userAgent, userAgentData }: Told): string {
  const brands = (userAgentData?.brands ?? []).filter(isBrand);
  const own = brands.find((one) => !isEngine(one)) ?? brands[0];
  if (own) return cut(`${own.brand} ${own.version}`);
  for (const [pattern, name] of agents) {
    const version = pattern.exec(userAgent)?.[1];
    if (version !== undefined) return `${name} ${version}`;
  }
  return cut(userAgent) || 'a browser without a name';
}

function systemOf({ userAgent, userAgentData }: Told): string {
  return cut(userAgentData?.platform || /\(([^)]*)\)/.exec(userAgent)?.[1] || 'unknown');
}

/** As long as a name of a browser may be. */
const cut = (text: string): string => text.slice(0, 100);
