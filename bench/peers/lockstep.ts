/**
 * The training step in Lockstep as its users run it: the trainer's own step on one worker, with the batch cut into its
 * shards, so that the weights are the ones that any number of workers would get.
 */
import { adamW, createGroup, gpt, memoryBridge, openDevice, Replica, type TensorMap } from 'lockstep';
import { adamw, modelOf, type Problem, type Weights } from '../problem.ts';
import { describeAdapter, type Peer, type Prepared } from './peer.ts';

/** As many as a run has unless it says otherwise, and as the batch allows. */
const mostShards = 8;

export const lockstep: Peer = {
  name: 'lockstep',
  async prepare({ config, weights, tokens, targets }: Problem): Promise<Prepared> {
    const device = await openDevice();
    const spec = { shape: [config.context], dtype: 'u32' } as const;
    const shape = {
      batch: config.batch,
      shards: Math.min(mostShards, config.batch),
      inputs: { tokens: spec, targets: spec },
    };
    const { beta1, beta2, eps, weightDecay, clipNorm, lr } = adamw;
    const replica = await Replica.create({
      device,
      group: createGroup(memoryBridge(1).transports[0]!, { shards: shape.shards }),
      model: gpt(modelOf(config)),
      facts: { vocab: config.vocab },
      optimizer: adamW({ beta1, beta2, epsilon: eps, weightDecay, clipNorm }),
      shape,
      seed: 1,
    });
    replica.parameters.load(tensorMap(weights));
    const batch = { tokens: Uint32Array.from(tokens), targets: Uint32Array.from(targets) };
    let step = 0;
    return {
      adapter: describeAdapter(device.gpu.adapterInfo),
      async step() {
        const { loss } = await replica.step({
          step: step++,
          seed: 1,
          learningRate: lr,
          batch: () => batch,
          stop: false,
        });
        return loss;
      },
      stats: () => device.stats,
      finish: () => device.close(),
    };
  },
};

function tensorMap(weights: Weights): TensorMap {
  return new Map(
    Object.entries(weights).map(([name, { shape, data }]) => [name, { shape, data: Float32Array.from(data) }]),
  );
}
