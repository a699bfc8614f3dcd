// Sees to it that WebGPU has an adapter here: what is there already, the distribution's driver, or one from npm.
// Every way is judged by the same probe, and the first that works is written down for later starts.
// @ts-check

import { readdirSync } from 'node:fs';
import { installDriver, lacksDriver } from './driver.mjs';
import { writeDriver } from './environment.mjs';
import { reportAdapter } from './report.mjs';
import { step } from './step.mjs';
import { fetchSwiftShader, suitsSwiftShader } from './swiftshader.mjs';

/** @typedef {import('./environment.mjs').Driver} Driver */

/** Each gives the driver to try next, or nothing where it cannot be done here. @type {(() => Promise<Driver | undefined>)[]} */
const ways = [
  async () => 'system',
  async () => ((await installDriver()) ? 'system' : undefined),
  async () => ((await installDriver()) && (await installDriver({ newest: true })) ? 'system' : undefined),
  async () => {
    if (!suitsSwiftShader()) return undefined;
    await step('driver', fetchSwiftShader);
    return 'swiftshader';
  },
];

/**
 * @param {Promise<unknown>} packages settles when WebGPU itself is installed; a missing driver is installed meanwhile
 * @throws {Error} saying what to install, if there is no way to get an adapter
 */
export async function prepareAdapter(packages) {
  const early = lacksDriver() ? installDriver().catch(() => false) : undefined;
  await packages;
  await early;
  await step('adapter', async () => {
    const { adapter, driver, isCpu } = await firstThatWorks();
    return isCpu ? `${driver}, on the CPU${missedGpu()}` : `${adapter} (${driver})`;
  });
}

async function firstThatWorks() {
  const reasons = new Set();
  for (const way of ways) {
    const driver = await way().catch(() => undefined);
    if (driver === undefined) continue;
    const report = await reportAdapter(driver);
    if (report.adapter !== null) {
      writeDriver(driver);
      return report;
    }
    reasons.add(report.reason);
  }
  throw new Error(`expected one that WebGPU can use, got: ${Array.from(reasons).join('; ')}\n${advice()}`);
}

function advice() {
  const software =
    "hint: install the driver of your GPU, or Mesa 23 or newer, whose lavapipe runs on any CPU: Debian's and Fedora's";
  if (process.platform === 'linux') return `${software} mesa-vulkan-drivers, Arch's vulkan-swrast; then run this again`;
  return "hint: update the system's graphics driver, then run this again";
}

/** An NVIDIA card that Vulkan does not see is the commonest disappointment: containers often leave its driver out. */
function missedGpu() {
  const cards = process.platform === 'linux' ? readdirSync('/dev').filter((name) => /^nvidia\d+$/.test(name)) : [];
  return cards.length > 0 ? '; an NVIDIA GPU is here, but not the Vulkan part of its driver (nvidia_icd.json)' : '';
}
