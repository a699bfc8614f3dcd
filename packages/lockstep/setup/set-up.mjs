// All that a clone needs before anything of it runs. Each step looks first whether it is done; steps overlap.
// @ts-check

import { prepareAdapter } from './adapter.mjs';
import { build } from './build.mjs';
import { installChromium } from './chromium.mjs';
import { applyDriver } from './environment.mjs';
import { installPackages } from './packages.mjs';
import { step } from './step.mjs';
import { installUcx } from './ucx.mjs';

/**
 * Packages, kernels, build and adapter; Chromium, UCX and the benchmark's peers where asked for. Afterwards this
 * process can open WebGPU.
 * A step that fails has told the reason; steps beside it are finished, for a package manager must not be cut off.
 * @param {{ browser?: boolean, ucx?: boolean, peers?: boolean }} [options]
 * @returns {Promise<boolean>} whether everything is there
 */
export async function setUp({ browser = false, ucx = false, peers = false } = {}) {
  if (!isNodeRecentEnough()) return false;
  const packages = step('packages', () => installPackages({ peers }));
  const adapter = prepareAdapter(packages);
  const built = packages.then(() => step('build', build));
  const chromium = adapter.then(() => (browser ? step('chromium', installChromium) : undefined));
  const library = adapter.then(() => (ucx ? step('ucx', installUcx) : undefined));
  const results = await Promise.allSettled([packages, adapter, built, chromium, library]);
  applyDriver();
  return results.every(({ status }) => status === 'fulfilled');
}

function isNodeRecentEnough() {
  const recent = Number.parseInt(process.versions.node, 10) >= 20;
  if (!recent) console.error(`lockstep: expected Node 20 or newer, got ${process.versions.node}`);
  return recent;
}
