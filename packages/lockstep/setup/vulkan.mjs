// What of a GPU's driver this system has: the kernel's part, by its device files, and Vulkan's, by its manifests. Containers often
// have the one without the other.
// @ts-check

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} VulkanFacts
 * @property {boolean} nvidia whether NVIDIA's kernel driver offers its devices
 * @property {boolean} render whether another GPU's kernel driver does
 * @property {string[]} manifests of Vulkan drivers, where the loader looks for them
 * @property {string[]} hidden manifests at places that the loader does not know
 * @property {'apptainer' | 'container' | undefined} container
 */

/** Where the Vulkan loader looks (its LoaderInterfaceArchitecture.md). */
const known = [
  'etc/vulkan/icd.d',
  'usr/local/etc/vulkan/icd.d',
  'usr/share/vulkan/icd.d',
  'usr/local/share/vulkan/icd.d',
];
/** Where drivers mounted into containers have been seen. */
const unknown = ['usr/local/nvidia/share/vulkan/icd.d', 'usr/local/nvidia/etc/vulkan/icd.d'];

/**
 * @param {string} [root] of the file system
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {VulkanFacts}
 */
export function vulkanFacts(root = '/', env = process.env) {
  const manifestsIn = (/** @type {string[]} */ folders) =>
    folders.flatMap((folder) =>
      names(join(root, folder))
        .filter((name) => name.endsWith('.json'))
        .map((name) => join(root, folder, name)),
    );
  const apptainer = env['APPTAINER_CONTAINER'] ?? env['SINGULARITY_CONTAINER'];
  const isContainer = existsSync(join(root, '.dockerenv')) || existsSync(join(root, 'run/.containerenv'));
  return {
    nvidia: existsSync(join(root, 'dev/nvidiactl')),
    render: names(join(root, 'dev/dri')).some((name) => name.startsWith('renderD')),
    manifests: manifestsIn(known),
    hidden: manifestsIn(unknown),
    container: apptainer !== undefined ? 'apptainer' : isContainer ? 'container' : undefined,
  };
}

/**
 * Manifests to add for the loader to find NVIDIA's driver, where it is there and the loader would not: one at an unusual place, else
 * our own, which names the library as every driver of theirs does. A manifest whose library is missing does no harm.
 * @param {VulkanFacts} facts
 * @returns {string[]}
 */
export function addedManifests({ nvidia, manifests, hidden }) {
  if (!nvidia || manifests.some(isNvidia)) return [];
  const found = hidden.filter(isNvidia);
  return found.length > 0 ? found : [fileURLToPath(new URL('nvidia_icd.json', import.meta.url))];
}

const isNvidia = (/** @type {string} */ path) => /nvidia[^/]*\.json$/.test(path);

/**
 * Why there may be no adapter, and what to do about it.
 * @param {VulkanFacts} facts
 * @returns {{ reason: string, hint: string }}
 */
export function explainMissing({ nvidia, render, manifests, hidden, container }) {
  const nvidiaVulkan = [...manifests, ...hidden].some(isNvidia);
  if (nvidia && !nvidiaVulkan) {
    const reason = 'NVIDIA’s driver is here (/dev/nvidiactl), but not its Vulkan part';
    if (container === 'apptainer') return { reason, hint: 'start the container with --nv: apptainer exec --nv …' };
    const hint = `${container ? 'give this container' : 'in a container, give it'} the graphics capability: NVIDIA_DRIVER_CAPABILITIES=all, or compute,utility,graphics; without one, install NVIDIA’s libraries for Vulkan (libGLX_nvidia.so.0 and nvidia_icd.json)`;
    return { reason, hint };
  }
  if (nvidia || (render && manifests.length > 0))
    return {
      reason: `a driver is here, and Vulkan’s manifests (${[...manifests, ...hidden].join(', ')}), but none that Dawn can use`,
      hint: 'VK_LOADER_DEBUG=all shows what the loader finds; the driver may be too old, or its device not this user’s to open',
    };
  if (render)
    return {
      reason: 'a GPU is here (/dev/dri), but no Vulkan driver for it',
      hint: 'install the Vulkan driver of your GPU: mesa-vulkan-drivers (23 or later) for AMD and Intel',
    };
  return {
    reason: 'no driver of a GPU: neither /dev/nvidiactl nor /dev/dri/renderD* is here',
    hint: 'install the driver of your GPU, or mesa-vulkan-drivers (23 or later) for the CPU; npm start installs one where it may',
  };
}

/** @param {string} folder */
function names(folder) {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
