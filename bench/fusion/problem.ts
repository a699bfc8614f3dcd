// The network whose fused and unfused forms `fusion.ts` compares, but for its layers: sizes, weights, a batch. Sizes are those of a small
// model as it is trained on characters today: rotary positions, normalised queries and keys, squared ReLU, capped logits.
import { noise, type openDevice, Parameter, type Tensor } from 'lockstep';

export type Device = Awaited<ReturnType<typeof openDevice>>;

export const sizes = { layers: 2, heads: 4, width: 128, context: 64, vocab: 90, shards: 8, cap: 15 } as const;
export const headSize = sizes.width / sizes.heads;

export interface Block<Weight = Parameter> {
  readonly qkv: Weight; // (C, 3·C)
  readonly out: Weight; // (C, C)
  readonly up: Weight; // (C, 4·C)
  readonly down: Weight; // (4·C, C)
}

export interface Weights {
  readonly embed: Parameter; // (V, C)
  readonly blocks: readonly Block[];
  readonly head: Parameter; // (C, V)
}

/** A sequence in each shard, as one worker holds them that computes all shards of a batch in one pass. */
export interface Batch {
  readonly tokens: Tensor; // (1, T) of shards
  readonly targets: Tensor; // (1, T) of shards
  readonly positions: Tensor; // (1, T)
  readonly cosines: Tensor; // (T, 1, 2, D/2): of each pair's angle, at both of its places
  readonly sines: Tensor; // (T, 1, 2, D/2): the first of a pair negated
  readonly zeros: Tensor; // (1, T, C) of shards
}

/** A form of the network: what a step computes, and where its gradients are. */
export interface Network {
  /** The loss of each shard, when gradients are in place. */
  readonly step: () => Tensor;
}

/** The same weights whenever they are made. */
export function createWeights(device: Device): Weights {
  let seed = 0;
  const weight = (name: string, rows: number, columns: number, std: number): Parameter => {
    const values = Float32Array.from(noise(rows * columns, ++seed), (x) => std * x);
    return new Parameter(name, device.tensor(values, [rows, columns]), device.empty([rows, columns]));
  };
  const { layers, width, vocab } = sizes;
  const std = width ** -0.5;
  return {
    embed: weight('embed', vocab, width, 1),
    blocks: Array.from({ length: layers }, (_, i) => ({
      qkv: weight(`blocks.${i}.qkv`, width, 3 * width, std),
      out: weight(`blocks.${i}.out`, width, width, std),
      up: weight(`blocks.${i}.up`, width, 4 * width, std),
      down: weight(`blocks.${i}.down`, 4 * width, width, std / 2),
    })),
    head: weight('head', width, vocab, std),
  };
}

export const parametersOf = ({ embed, blocks, head }: Weights): Parameter[] => [
  embed,
  ...blocks.flatMap(({ qkv, out, up, down }) => [qkv, out, up, down]),
  head,
];

export function createBatch(device: Device): Batch {
  const { context, vocab, shards } = sizes;
  const tokens = (step: number): Tensor =>
    device.tensor(
      Uint32Array.from({ length: shards * context }, (_, i) => (i * i * step + 7 * i) % vocab),
      [1, context],
      { shards },
    );
  const zeros = device.tensor(new Float32Array(shards * context * sizes.width), [1, context, sizes.width], { shards });
  const positions = device.tensor(
    Uint32Array.from({ length: context }, (_, i) => i),
    [1, context],
  );
  return { tokens: tokens(3), targets: tokens(5), positions, zeros, ...angles(device) };
}

function angles(device: Device): Pick<Batch, 'cosines' | 'sines'> {
  const half = headSize / 2;
  const table = (of: (angle: number, place: number) => number): Tensor =>
    device.tensor(
      Float32Array.from({ length: sizes.context * headSize }, (_, i) => {
        const place = i % headSize;
        return of(Math.floor(i / headSize) * 10_000 ** (-(place % half) / half), place);
      }),
      [sizes.context, 1, 2, half],
    );
  return {
    cosines: table((angle) => Math.cos(angle)),
    sines: table((angle, place) => (place < half ? -1 : 1) * Math.sin(angle)),
  };
}
