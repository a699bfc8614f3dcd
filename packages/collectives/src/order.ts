// A collective call as data, so that it can be carried out in whatever thread has the wire.

import { allReduce, reduceScatter, type Reduction } from './algorithms/all-reduce.ts';
import { allGather, allToAll, barrier, broadcast, gather } from './algorithms/exchange.ts';
import type { AlgorithmName } from './algorithms/schedule.ts';
import type { Layout } from './algorithms/layout.ts';
import type { Call, Elements } from './call.ts';
import { measureLinks } from './measure-links.ts';
import type { CollectiveName, Signature } from './signature.ts';

export interface Order {
  /** Which collective of the group it is, from 0. */
  readonly number: number;
  readonly signature: Signature;
  /** Of an all-reduce. */
  readonly algorithm?: AlgorithmName;
  /** What is only read: nodes of a reduction, or what this rank gives. */
  readonly inputs: readonly Elements[];
  /** What is written, and read too where it has this rank's part already. It may be one of the inputs. */
  readonly output?: Elements | undefined;
}

/** What an order does not say, for it is the same for all of a group. */
export interface Setting {
  readonly layout: Layout;
  /** Made where the order is a reduction. */
  readonly reduction: () => Reduction;
}

type Work = (call: Call, order: Order, setting: Setting) => Promise<void>;

const works: Record<CollectiveName, Work> = {
  allReduce: (call, { output }, { reduction }) => allReduce(call, reduction(), output!),
  reduceScatter: (call, { output, signature }, { reduction }) =>
    reduceScatter(call, reduction(), output!, signature.grain!),
  allGather: (call, { output, signature }) => allGather(call, output!, signature.grain!),
  broadcast: (call, { output, signature }) => broadcast(call, output!, signature.root!),
  gather: (call, { inputs, output, signature }) => gather(call, inputs[0]!, output, signature.root!),
  allToAll: (call, { inputs, output }) => allToAll(call, inputs[0]!, output!),
  barrier,
  measure: (call, { output }, { layout }) => measureLinks(call, output as Float32Array, layout),
  refused: async () => {},
};

/** Does what an order says. */
export function follow(call: Call, order: Order, setting: Setting): Promise<void> {
  return works[order.signature.name](call, order, setting);
}
