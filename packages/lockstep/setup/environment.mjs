// Which Vulkan driver a process uses: what set-up found out is written here once, and applied at every later start.
// @ts-check

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cache } from './root.mjs';
import { addedManifests, vulkanFacts } from './vulkan.mjs';

/** The folder of the fetched driver. */
export const swiftShader = join(cache, 'swiftshader');

/** The system's own drivers, or the one in the cache. @typedef {'system' | 'swiftshader'} Driver */

/** Keeps a library in memory though it is no Node add-on (RTLD_NODELETE of dlopen(3); Node has no name for it). */
const keepLoaded = 0x1000;

/** @param {Driver} driver @param {string} [folder] */
export function writeDriver(driver, folder = cache) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'adapter.json'), `${JSON.stringify({ driver })}\n`);
}

/** @param {string} [folder] @returns {Driver} the system's where nothing was written */
export function readDriver(folder = cache) {
  try {
    const { driver } = JSON.parse(readFileSync(join(folder, 'adapter.json'), 'utf8'));
    return driver === 'swiftshader' && existsSync(join(folder, driver)) ? driver : 'system';
  } catch {
    return 'system';
  }
}

/**
 * The variables a process needs to find the driver. Those the user has set are left alone.
 * @param {Driver} driver
 * @param {NodeJS.ProcessEnv} [present]
 * @returns {Record<string, string>}
 */
export function driverEnvironment(driver, present = process.env) {
  // Mesa prints a warning where this one is missing, though it needs it for windows only.
  const runtime = present['XDG_RUNTIME_DIR'] ?? tmpdir();
  if (driver === 'system') return { XDG_RUNTIME_DIR: runtime, ...addedDrivers(present) };
  const manifest = join(swiftShader, 'vk_swiftshader_icd.json');
  const libraries = [swiftShader, ...(present['LD_LIBRARY_PATH']?.split(':') ?? [])];
  return {
    XDG_RUNTIME_DIR: runtime,
    VK_DRIVER_FILES: present['VK_DRIVER_FILES'] ?? manifest,
    VK_ICD_FILENAMES: present['VK_ICD_FILENAMES'] ?? manifest,
    LD_LIBRARY_PATH: Array.from(new Set(libraries)).join(':'),
  };
}

/** For a driver that the loader would not find by itself, unless the user has said which to take. @param {NodeJS.ProcessEnv} present */
function addedDrivers(present) {
  const chosen = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_ADD_DRIVER_FILES'].some((name) => present[name]);
  const added = chosen ? [] : addedManifests(vulkanFacts());
  return added.length > 0 ? { VK_ADD_DRIVER_FILES: added.join(':') } : {};
}

/** Applies set-up's choice to this process and to every process it starts. Call it before WebGPU is opened. */
export function applyDriver() {
  const driver = readDriver();
  Object.assign(process.env, driverEnvironment(driver));
  if (driver === 'swiftshader') preload(join(swiftShader, 'libvulkan.so.1'));
}

/**
 * Loads a shared library under its own name, so that a later dlopen of that name finds it: LD_LIBRARY_PATH is read
 * when a process starts and comes too late for this one. Node always complains, since the library is no add-on.
 * @param {string} library
 */
function preload(library) {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | keepLoaded);
  } catch {
    // Whether the driver works is what the opening of WebGPU tells.
  }
}
