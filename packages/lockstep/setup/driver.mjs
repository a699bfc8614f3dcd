// Installs Mesa's Vulkan drivers from the distribution; among them is lavapipe, which runs on any CPU.
// @ts-check

import { existsSync, readdirSync } from 'node:fs';
import { openApt } from './apt.mjs';
import { step } from './step.mjs';

const driver = 'mesa-vulkan-drivers';

/** Mesa before this version gives Dawn no adapter on a CPU: it cannot index arrays of bindings dynamically. */
const oldestMesa = 23;

/** @returns {boolean} true where Vulkan's loader or every driver is missing, so that no adapter can be there */
export function lacksDriver() {
  return process.platform === 'linux' && (!hasLoader() || !hasManifest());
}

function hasLoader() {
  const folders = ['/usr/lib', '/usr/lib64', '/usr/local/lib', `/usr/lib/${multiarch()}`];
  return folders.some((folder) => existsSync(`${folder}/libvulkan.so.1`));
}

function multiarch() {
  return process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
}

function hasManifest() {
  const folders = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d'];
  return folders.some((folder) => existsSync(folder) && readdirSync(folder).length > 0);
}

/** @type {Map<boolean, Promise<boolean>>} */
const installs = new Map();

/**
 * Installs the driver, from backports where the release's own is known to be too old or `newest` is asked for.
 * Asked again, it gives the first answer again.
 * @param {{ newest?: boolean }} [options]
 * @returns {Promise<boolean>} whether this user can install it at all
 */
export function installDriver({ newest = false } = {}) {
  const install = installs.get(newest) ?? installFromApt(newest);
  installs.set(newest, install);
  return install;
}

/** @param {boolean} newest */
async function installFromApt(newest) {
  let able = false;
  await step('driver', async () => {
    const apt = await openApt();
    if (!apt) return undefined;
    const version = Number.parseInt((await apt.candidate(driver)) ?? '0', 10);
    const suite = newest || version < oldestMesa ? apt.backports : undefined;
    await apt.install([driver, 'libvulkan1'], { suite });
    able = true;
    return `${driver} installed from ${suite ?? 'the distribution'}`;
  });
  return able;
}
