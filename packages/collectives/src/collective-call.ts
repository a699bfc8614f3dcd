// A collective call as data, so that it can be executed in whatever thread has the wire.

import { allReduce, reduceScatter, type Reduction } from './algorithms/all-reduce.ts';
import { allGather, allToAll, barrier, broadcast, gather } from './algorithms/exchange.ts';
import type { AlgorithmName } from './algorithms/schedule.ts';
import type { Layout } from './algorithms/layout.ts';
import type { CallChannel, Cuts, Elements } from './call-channel.ts';
import { measureLinks } from './measure-links.ts';
import type { CollectiveName, Signature } from './signature.ts';

export interface CollectiveCall {
  /** Which collective of the group it is, from 0. */
  readonly number: number;
  readonly signature: Signature;
  /** How an all-reduce is done. */
  readonly algorithm?: AlgorithmName;
  /** Leaves of the tree, where they are not the group's. */
  readonly shards?: number | undefined;
  /** Where slices begin and end, where they are not even. */
  readonly bounds?: readonly number[] | undefined;
  /** What is only read: nodes of a reduction, or what this rank gives. */
  readonly inputs: readonly Elements[];
  /** What is written, and read too where it has this rank's part already. It may be one of the inputs. */
  readonly output?: Elements | undefined;
}

/** What a call does not say, for it is the same for all of a group. */
export interface CallContext {
  readonly layout: Layout;
  /** Made where the call is a reduction. */
  readonly reduction: () => Reduction;
}

type Algorithm = (channel: CallChannel, call: CollectiveCall, context: CallContext) => Promise<void>;

const algorithms: Record<CollectiveName, Algorithm> = {
  allReduce: (channel, { output }, { reduction }) => allReduce(channel, reduction(), output!),
  reduceScatter: (channel, call, { reduction }) => reduceScatter(channel, reduction(), call.output!, cutsOf(call)),
  allGather: (channel, call) => allGather(channel, call.output!, cutsOf(call)),
  broadcast: (channel, { output, signature }) => broadcast(channel, output!, signature.root!),
  gather: (channel, { inputs, output, signature }) => gather(channel, inputs[0]!, output, signature.root!),
  allToAll: (channel, { inputs, output }) => allToAll(channel, inputs[0]!, output!),
  barrier,
  measure: (channel, { output }, { layout }) => measureLinks(channel, output as Float32Array, layout),
  refused: async () => {},
};

const cutsOf = ({ signature: { grain }, bounds }: CollectiveCall): Cuts => ({ grain, bounds });

/** Runs the algorithm of a call. */
export function execute(channel: CallChannel, call: CollectiveCall, context: CallContext): Promise<void> {
  return algorithms[call.signature.name](channel, call, context);
}
