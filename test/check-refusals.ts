// What becomes of a call that one rank refuses, for every collective and every wrong argument, over any bridge: nobody
// waits for it, and what fails says why by its code. Call it once per bridge.

import { createGroup, type Group, type Transport } from '@lockstep/collectives';
import { expect, test } from 'vitest';
import type { OpenedBridge } from './check-transport.ts';

type Make = (group: Group) => Promise<unknown>;
/* oxlint-disable-next-line typescript/no-explicit-any -- what the types forbid is what is tried */
type Anything = any;

const size = 3;
const floats = (length = 12): Float32Array => new Float32Array(length);

function detached(): Float32Array {
  const array = floats();
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/* oxlint-disable-next-line typescript/no-explicit-any -- Node 20 has them, its types have not */
const resizable = (): Float32Array => new Float32Array(new (ArrayBuffer as Anything)(48, { maxByteLength: 96 }));
const growable = (): Float32Array => new Float32Array(new (SharedArrayBuffer as Anything)(48, { maxByteLength: 96 }));

/** What no collective takes as data. */
const noData: Record<string, () => Anything> = {
  nothing: () => undefined,
  null: () => null,
  'a number': () => 3,
  'a list of numbers': () => [1, 2, 3],
  'a Float64Array': () => new Float64Array(12),
  'an Int8Array': () => new Int8Array(12),
  'a BigInt64Array': () => new BigInt64Array(12),
  'a DataView': () => new DataView(new ArrayBuffer(48)),
  'an ArrayBuffer': () => new ArrayBuffer(48),
  'a transferred array': detached,
  'an array that may shrink': resizable,
  'a shared array that may grow': growable,
};

const overlapping = (): [Float32Array, Float32Array] => {
  const all = floats(20);
  return [all.subarray(0, 12), all.subarray(4, 16)];
};

interface Collective {
  /** As it should be. */
  readonly right: Make;
  readonly wrong: Readonly<Record<string, Make>>;
}

/** A case for each thing that is no data. */
const each = (make: (group: Group, data: Anything) => Promise<unknown>, what: string): Record<string, Make> =>
  Object.fromEntries(
    Object.entries(noData).map(([name, data]) => [`${name} as ${what}`, async (group: Group) => make(group, data())]),
  );

const badRoots = (make: (group: Group, root: Anything) => Promise<unknown>): Record<string, Make> =>
  Object.fromEntries(
    [-1, size, Number.NaN, 0.5, Infinity, '0', null].map((root) => [
      `root ${String(root)}`,
      async (group: Group) => make(group, root),
    ]),
  );

const badGrains = (make: (group: Group, grain: Anything) => Promise<unknown>): Record<string, Make> =>
  Object.fromEntries(
    [0, -1, Number.NaN, 1.5, Infinity, '1'].map((grain) => [
      `grain ${String(grain)}`,
      async (group: Group) => make(group, grain),
    ]),
  );

/** Of twelve elements over three ranks. */
const badBounds = (make: (group: Group, bounds: Anything) => Promise<unknown>): Record<string, Make> =>
  Object.fromEntries(
    [[0, 4, 12], [0, 4, 8, 13], [1, 4, 8, 12], [0, 8, 4, 12], [0, 4.5, 8, 12], [0, '4', 8, 12], 4, null].map(
      (bounds) => [`bounds ${JSON.stringify(bounds)}`, async (group: Group) => make(group, bounds)],
    ),
  );

const outOf = (group: Group): Float32Array | undefined => (group.rank === 0 ? floats(36) : undefined);

const collectives: Readonly<Record<string, Collective>> = {
  allReduce: {
    right: async (group) => group.allReduce(floats()),
    wrong: {
      ...each(async (group, data) => group.allReduce(data), 'data'),
      ...each(async (group, data) => group.allReduce([data]), 'a node'),
      'a Uint8Array': async (group) => group.allReduce(new Uint8Array(12) as Anything),
      'no nodes': async (group) => group.allReduce([]),
      'too many nodes': async (group) => group.allReduce([floats(), floats()]),
      'out of another length': async (group) => group.allReduce(floats(), floats(13)),
      'out of another type': async (group) => group.allReduce(floats(), new Int32Array(12) as Anything),
      'out that overlaps': async (group) => group.allReduce(...overlapping()),
      'an operation that is none': async (group) => group.allReduce(floats(), floats(), { op: 'product' as Anything }),
      'a wire that is none': async (group) => group.allReduce(floats(), floats(), { wire: 'f8' as Anything }),
      'a half that is none': async (group) =>
        group.allReduce(new Uint16Array(4), undefined, { half: 'f8' as Anything }),
      'a mean of integers': async (group) => group.allReduce(new Int32Array(4), undefined, { op: 'mean' }),
      'a maximum over int8': async (group) => group.allReduce(floats(), undefined, { op: 'max', wire: 'int8' }),
      'options that are none': async (group) => group.allReduce(floats(), undefined, null as Anything),
    },
  },
  reduceScatter: {
    right: async (group) => group.reduceScatter(floats(), floats(4)),
    wrong: {
      ...each(async (group, data) => group.reduceScatter(data, floats(4)), 'data'),
      ...each(async (group, data) => group.reduceScatter(floats(), data), 'slice'),
      ...badGrains(async (group, grain) => group.reduceScatter(floats(), floats(4), { grain })),
      ...badBounds(async (group, bounds) => group.reduceScatter(floats(), floats(4), { bounds })),
      'a slice of another length': async (group) => group.reduceScatter(floats(), floats(5)),
      'a slice of another type': async (group) => group.reduceScatter(floats(), new Int32Array(4) as Anything),
      'a slice that overlaps': async (group) => {
        const data = floats();
        const start = (4 * group.rank + 2) % 9;
        return group.reduceScatter(data, data.subarray(start, start + 4));
      },
      'a grain that int8 has not': async (group) =>
        group.reduceScatter(floats(96), floats(32), { wire: 'int8', grain: 16 }),
    },
  },
  allGather: {
    right: async (group) => group.allGather(floats(4), floats()),
    wrong: {
      ...each(async (group, data) => group.allGather(data, floats()), 'data'),
      ...each(async (group, data) => group.allGather(floats(4), data), 'out'),
      ...badGrains(async (group, grain) => group.allGather(floats(4), floats(), { grain })),
      ...badBounds(async (group, bounds) => group.allGather(floats(4), floats(), { bounds })),
      'bounds that int8 has not': async (group) =>
        group.reduceScatter(floats(96), floats(32), { wire: 'int8', bounds: [0, 16, 64, 96] }),
      'data of another length': async (group) => group.allGather(floats(5), floats()),
      'data of another type': async (group) => group.allGather(new Int32Array(4) as Anything, floats()),
      'options that are none': async (group) => group.allGather(floats(4), floats(), null as Anything),
    },
  },
  broadcast: {
    right: async (group) => group.broadcast(floats()),
    wrong: {
      ...each(async (group, data) => group.broadcast(data), 'data'),
      ...badRoots(async (group, root) => group.broadcast(floats(), { root })),
      'options that are none': async (group) => group.broadcast(floats(), null as Anything),
    },
  },
  gather: {
    right: async (group) => group.gather(floats(), outOf(group)),
    wrong: {
      ...each(async (group, data) => group.gather(data, outOf(group)), 'data'),
      ...badRoots(async (group, root) => group.gather(floats(), outOf(group), { root })),
    },
  },
  'gather at the root': {
    right: async (group) =>
      group.gather(floats(), group.rank === size - 1 ? floats(36) : undefined, { root: size - 1 }),
    wrong: {
      ...each(async (group, data) => group.gather(floats(), data, { root: group.rank }), 'out'),
      'an empty array and no out': async (group) => group.gather(floats(0), undefined, { root: group.rank }),
      'out of another length': async (group) => group.gather(floats(), floats(12), { root: group.rank }),
      'out of another type': async (group) =>
        group.gather(floats(), new Int32Array(36) as Anything, { root: group.rank }),
    },
  },
  allToAll: {
    right: async (group) => group.allToAll(floats(), floats()),
    wrong: {
      ...each(async (group, data) => group.allToAll(data, floats()), 'data'),
      ...each(async (group, data) => group.allToAll(floats(), data), 'out'),
      'out of another length': async (group) => group.allToAll(floats(), floats(13)),
      'out of another type': async (group) => group.allToAll(floats(), new Int32Array(12) as Anything),
      'parts that are not equal': async (group) => group.allToAll(floats(10), floats(10)),
      'out that overlaps': async (group) => group.allToAll(...overlapping()),
    },
  },
};

const settled = async (groups: readonly Group[], make: (group: Group) => Promise<unknown>): Promise<unknown[]> => {
  const results = await Promise.allSettled(groups.map(make));
  return results.map((result) => (result.status === 'rejected' ? (result.reason as unknown) : 'done'));
};

/** Checks the collectives of these names, all by default, with every so many-th of their wrong arguments. */
export function checkRefusals(bridge: string, open: (size: number) => Promise<OpenedBridge>, every = 1): void {
  const groupsOf = (transports: readonly Transport[]): Group[] => transports.map((one) => createGroup(one));

  for (const [name, { right, wrong }] of Object.entries(collectives)) {
    const cases = Object.entries(wrong).filter((_, i) => i % every === 0);

    test(`${bridge}: a wrong ${name} that one rank refuses fails the group on all ranks, and nobody waits`, async () => {
      for (const [what, make] of cases) {
        const opened = await open(size);
        const groups = groupsOf(opened.transports);
        const results = await settled(groups, async (group) => (group.rank === size - 1 ? make(group) : right(group)));
        expect(results.pop(), what).toMatchObject({
          code: 'ARGUMENT',
          message: expect.stringMatching(/expected .* got /),
        });
        // Who only sends may be through with this call; nobody is with the next one.
        for (const result of results.filter((one) => one !== 'done'))
          expect(result, what).toMatchObject({ code: 'MISMATCH' });
        const next = await settled(groups, async (group) => group.barrier());
        for (const result of next) expect(result, what).toMatchObject({ code: 'MISMATCH' });
        await opened.close();
      }
    });

    test(`${bridge}: a wrong ${name} that all ranks refuse leaves the group as it was`, async () => {
      const opened = await open(size);
      const groups = groupsOf(opened.transports);
      for (const [what, make] of cases) {
        const results = await settled(groups, make);
        for (const result of results) expect(result, what).toMatchObject({ code: 'ARGUMENT' });
      }
      expect(await settled(groups, right)).toEqual(groups.map(() => 'done'));
      await opened.close();
    });
  }
}
