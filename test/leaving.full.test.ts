// Leaving under load, many times over: who is done leaves at once, with others still in the last call, and takes nothing
// from them; over every bridge.

import { createGroup, memoryBridge, type Transport } from '@lockstep/collectives';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openUcx } from '@lockstep/rdma';
import { openWebSockets } from './bridges.ts';
import type { OpenedBridge } from './check-transport.ts';
import { sharedMemory, viewsInOneProcess } from './check-ucx.ts';
import { checkRefusals } from './check-refusals.ts';
import { folder, run, scriptFolder, tinyRun } from './cli.ts';

const runs = 200;
const size = 8;
const minutes = 60_000;

/** Works for some milliseconds, as a training step does, with nothing else going on in this thread. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Some calls, of which the last ones are done sooner on some ranks than on others, and the end. */
async function callAndLeave(transport: Transport, round: number): Promise<void> {
  const group = createGroup(transport);
  const { rank } = group;
  const data = new Float32Array(4099).fill(rank);
  const all = new Float32Array(500 * size);
  await group.allReduce(data);
  if ((rank + round) % 3 === 0) work(5);
  await group.allGather(all.subarray(500 * rank, 500 * (rank + 1)).fill(rank), all);
  await group.broadcast(data, { root: round % size });
  await group.gather(data, rank === 1 ? new Float32Array(size * data.length) : undefined, { root: 1 });
  await group.close();
  await transport.close();
  expect(all.every((value, i) => value === Math.floor(i / 500))).toBe(true);
}

const bridges: Record<string, (size: number) => Promise<OpenedBridge>> = {
  memory: async (ranks) => ({ ...memoryBridge(ranks), close: async () => {} }),
  'direct WebSocket': async (ranks) => openWebSockets(ranks, { direct: true }),
  'relayed WebSocket': async (ranks) => openWebSockets(ranks, { direct: false }),
  ...((await hasUcx()) && { UCX: viewsInOneProcess(sharedMemory) }),
};

async function hasUcx(): Promise<boolean> {
  return openUcx(sharedMemory).then(
    async (ucx) => ucx.close().then(() => true),
    () => false,
  );
}

for (const [name, open] of Object.entries(bridges)) {
  test(
    `${runs} groups of ${size} over ${name} end well, whoever is done first`,
    async () => {
      for (let round = 0; round < runs; round++) {
        const bridge = await open(size);
        await Promise.all(bridge.transports.map(async (transport) => callAndLeave(transport, round)));
        await bridge.close();
      }
    },
    10 * minutes,
  );
  if (name !== 'memory') checkRefusals(name, open);
}

describe.each(['ws', ...('UCX' in bridges ? ['ucx'] : [])])('processes over %s', (bridge) => {
  test.each(['falls off its end', 'exits after it has closed'])(
    'a script of 8 workers ends well, where it %s',
    async (how) => {
      const cwd = scriptFolder(
        `import { join } from 'lockstep';
        const group = await join();
        const all = new Float32Array(${size} * 3001);
        for (let i = 0; i < 3; i++) await group.allReduce(all);
        const start = performance.now();
        if (group.rank % 3 === 1) while (performance.now() - start < 200);
        await group.broadcast(all, { root: 2 });
        await group.gather(all, group.rank === 0 ? new Float32Array(${size} * all.length) : undefined);
        ${how.startsWith('exits') ? 'await group.close(); process.exit(0);' : ''}`,
      );
      for (let round = 0; round < 5; round++) {
        const { code, stderr } = await run(['run', 'script.mjs', '-w', `${size}`, '--bridge', bridge], { cwd });
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      }
    },
    10 * minutes,
  );

  test(
    'a training of 8 workers with a sharded optimizer ends well',
    async () => {
      const cwd = folder();
      for (let round = 0; round < 3; round++) {
        const out = join(cwd, `${round}`);
        const args = ['train', tinyRun, '--workers', `${size}`, '--steps', '3', '--bridge', bridge, '--out', out];
        const { code, stderr } = await run([...args, '--set', 'optimizer.shard=true'], { cwd });
        expect(code, stderr).toBe(0);
      }
    },
    10 * minutes,
  );
});
