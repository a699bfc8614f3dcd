import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addedManifests, explainMissing, vulkanFacts } from './vulkan.mjs';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lockstep-vulkan-'));
});
afterEach(() => rm(root, { recursive: true }));

async function have(...files: string[]): Promise<void> {
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), '');
  }
}

const explain = (env: NodeJS.ProcessEnv = {}) => explainMissing(vulkanFacts(root, env));

describe('why there is no adapter', () => {
  test('without device files there is no driver at all', () => {
    expect(explain().reason).toContain('no driver of a GPU');
  });

  test('NVIDIA’s devices without its Vulkan, in a container, ask for the graphics capability', async () => {
    await have('dev/nvidiactl', '.dockerenv');
    expect(explain().reason).toContain('not its Vulkan part');
    expect(explain().hint).toContain('give this container the graphics capability');
  });

  test('NVIDIA’s devices without its Vulkan, in Apptainer, ask for --nv', async () => {
    await have('dev/nvidiactl');
    expect(explain({ APPTAINER_CONTAINER: '/some.sif' }).hint).toContain('--nv');
  });

  test('lavapipe’s manifest is none of NVIDIA’s driver', async () => {
    await have('dev/nvidiactl', 'usr/share/vulkan/icd.d/lvp_icd.json');
    expect(explain().reason).toContain('not its Vulkan part');
  });

  test('a driver with its manifest that gives no adapter is named with the manifest', async () => {
    await have('dev/nvidiactl', 'etc/vulkan/icd.d/nvidia_icd.json');
    expect(explain().reason).toContain(join(root, 'etc/vulkan/icd.d/nvidia_icd.json'));
  });

  test('a GPU of another maker without a manifest asks for its Vulkan driver', async () => {
    await have('dev/dri/renderD128');
    expect(explain().hint).toContain('mesa-vulkan-drivers');
  });
});

describe('manifests that are added', () => {
  test('none where the loader finds NVIDIA’s, or where there is no such GPU', async () => {
    expect(addedManifests(vulkanFacts(root))).toEqual([]);
    await have('dev/nvidiactl', 'usr/share/vulkan/icd.d/nvidia_icd.json');
    expect(addedManifests(vulkanFacts(root))).toEqual([]);
  });

  test('the one that lies where the loader does not look', async () => {
    const path = 'usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json';
    await have('dev/nvidiactl', path);
    expect(addedManifests(vulkanFacts(root))).toEqual([join(root, path)]);
  });

  test('our own where there is none', async () => {
    await have('dev/nvidiactl');
    expect(addedManifests(vulkanFacts(root))).toEqual([expect.stringMatching(/setup\/nvidia_icd\.json$/)]);
  });
});
