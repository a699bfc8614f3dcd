// Updates of weights, for the kernel bench: a first update makes what the second, which is timed, remembers; and the norm of gradients.
import { adamW, createModel, defineModel, layers, Optimizer, type OptimizerValue, Parameters, sgd } from '@lockstep/nn';
import { type Device, euclideanNorm, type Tensor } from '@lockstep/tensor';
import { type Benched, isKernel, type Started, timedFrom } from './case.ts';
import { exact, total } from './expected.ts';

const rate = 0.01;
const step = 2;
/** What gradients of this norm are clipped to is half of them. */
const norm = 2;
const clipped = 1 / (norm + 1e-6);

const update = (
  op: string,
  kernel: RegExp,
  {
    optimizer,
    cost,
    expected,
  }: {
    readonly optimizer: OptimizerValue;
    readonly cost: { readonly flops: number; readonly bytes: number };
    /** A weight after two updates by the same gradient. */
    readonly expected: (weight: number, gradient: number) => number;
  },
): Benched => ({
  op,
  axes: 'WEIGHTS',
  shapes: ['4194304'],
  of: isKernel(kernel, ({ size = 0 }) => [size]),
  make: ([size = 1]) => ({
    // Weights lie in blocks of 64.
    inputs: [{ shape: [Math.ceil(size / 64) * 64] }, { shape: [Math.ceil(size / 64) * 64] }],
    flops: cost.flops * size,
    bytes: cost.bytes * size,
    start: (inputs, device) => start(device, optimizer, inputs),
    expected: ([weights, gradients], place) => exact(expected(weights![place]!, gradients![place]!)),
  }),
});

/** So many weights, as a matrix that decays. */
const weightsOf = defineModel({
  name: 'weights',
  create: ({ blocks = 1 }: { blocks?: number }) => ({ parameters: { weight: layers.parameter([blocks, 64]) } }),
});

function start(device: Device, value: OptimizerValue, [given, gradients]: readonly Tensor[]): Started {
  const parameters = new Parameters(device, createModel(weightsOf({ blocks: given!.size / 64 })));
  const { weights } = parameters;
  const optimizer = new Optimizer(value, device, parameters);
  optimizer.schedule(step, rate);
  for (const one of optimizer.norms) one.write(Float32Array.of(norm));
  return {
    made: [weights, parameters.gradients, ...optimizer.states],
    run: () => {
      device.copy(given!, weights);
      device.copy(gradients!, device.view(parameters.gradients, 0, weights.shape));
      for (const one of optimizer.states) device.fill(one, 0);
      optimizer.dispatch();
      device.mark(timedFrom);
      optimizer.dispatch();
      return weights;
    },
  };
}

const [beta1, beta2, epsilon, decay] = [0.9, 0.95, 1e-8, 0.1];

function twiceAdamW(weight: number, gradient: number): number {
  const g = gradient * clipped;
  let [w, mean, square] = [weight, 0, 0];
  for (let i = 0; i < 2; i++) {
    mean += (1 - beta1) * (g - mean);
    square += (1 - beta2) * (g * g - square);
    const root = Math.sqrt(square / (1 - beta2 ** step)) + epsilon;
    w -= rate * (mean / (1 - beta1 ** step) / root + decay * w);
  }
  return w;
}

const momentum = 0.9;

function twiceSgd(weight: number, gradient: number): number {
  let [w, velocity] = [weight, 0];
  for (let i = 0; i < 2; i++) {
    velocity = momentum * velocity + gradient * clipped + decay * w;
    w -= rate * velocity;
  }
  return w;
}

const normOp: Benched = {
  op: 'norm of gradients',
  axes: 'WEIGHTS',
  shapes: ['4194304'],
  of: isKernel(/^sumSquares$/, ({ size = 0 }) => [size]),
  make: ([size = 1]) => ({
    inputs: [{ shape: [Math.ceil(size / 64) * 64] }],
    flops: 2 * size,
    bytes: 4 * size,
    family: 'rows',
    start: ([gradients], device) => {
      const y = device.empty([1]);
      return {
        made: [y],
        run: () => {
          euclideanNorm(device, gradients!, y);
          return y;
        },
      };
    },
    expected: ([gradients]) => exact(Math.sqrt(total(gradients!, (value) => value ** 2))),
  }),
};

export const optimizerOps: readonly Benched[] = [
  update('AdamW', /^adamW$/, {
    optimizer: adamW({ beta1, beta2, epsilon, weightDecay: decay, clipNorm: 1 }),
    cost: { flops: 16, bytes: 28 },
    expected: twiceAdamW,
  }),
  update('SGD', /^sgd$/, {
    optimizer: sgd({ momentum, weightDecay: decay, clipNorm: 1 }),
    cost: { flops: 7, bytes: 20 },
    expected: twiceSgd,
  }),
  normOp,
];
