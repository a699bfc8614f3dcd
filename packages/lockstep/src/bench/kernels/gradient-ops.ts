// The derivatives of ops, for the kernel bench: what the gradient of an input is, from the inputs and the gradient of the output. Forward
// comes before, where backward reads what it gives, and is not timed.
import { type Device, ops, sizeOf, type Tensor, withGradients } from '@lockstep/tensor';
import { attentionLengths, type Benched, convolutionLengths, type Input, isKernel, timedFrom } from './case.ts';
import { deviationOf, dot, exact, type Expected, geluSlope, rowOf, total } from './expected.ts';

const { add, attention, conv2d, crossEntropy, embedding, gelu, layerNorm, matmul, rmsNorm, softmax } = ops;

/** Runs backward of an op; the last input is the gradient of its output. @param of the input whose gradient is wanted */
const backward =
  (of: number, forward: (inputs: readonly Tensor[]) => Tensor) =>
  (inputs: readonly Tensor[], device: Device): Tensor => {
    const noted = (): Tensor => {
      const y = forward(inputs);
      device.mark(timedFrom);
      return y;
    };
    return withGradients(device, noted, { wanted: [inputs[of]!], seed: () => inputs.at(-1)! }).gradients[0]!;
  };

/** @param of the operand whose gradient it is */
const matmulBackward = (of: 'a' | 'b'): Benched => ({
  op: `matmul backward ${of}`,
  axes: 'MxNxK',
  shapes: ['512x512x512', '512x3072x768'],
  make: ([m = 1, n = 1, k = 1]) => ({
    inputs: [{ shape: [m, k] }, { shape: [k, n] }, { shape: [m, n] }],
    flops: 2 * m * n * k,
    bytes: 4 * (m * k + k * n + m * n),
    family: 'matmul',
    run: backward(of === 'a' ? 0 : 1, ([a, b]) => matmul(a!, b!)),
    expected: ([a, b, dy], place) => {
      const columns = of === 'a' ? k : n;
      const [i, j] = [Math.floor(place / columns), place % columns];
      if (of === 'a') return dot(n, (l) => dy![i * n + l]! * b![j * n + l]!);
      return dot(m, (l) => a![l * k + i]! * dy![l * n + j]!);
    },
  }),
});

interface ConvolutionSizes {
  readonly images: number;
  readonly channels: number;
  readonly size: number;
  readonly outputs: number;
}

const convolutionBackward = (
  op: string,
  of: 0 | 1,
  is: Parameters<typeof convolutionLengths>[0],
  expected: (sizes: ConvolutionSizes, arrays: readonly Float64Array[], place: number) => Expected,
): Benched => ({
  op,
  axes: 'IMAGESxCHANNELSxSIZExOUTPUTS',
  shapes: ['8x16x28x32'],
  of: isKernel(/^convolution/, convolutionLengths(is)),
  make: ([images = 1, channels = 1, size = 1, outputs = 1]) => ({
    inputs: [
      { shape: [images, channels, size, size] },
      { shape: [outputs, channels, 3, 3] },
      { shape: [images, outputs, size, size] },
    ],
    flops: 2 * 9 * images * channels * size * size * outputs,
    bytes: 4 * (images * size * size * (channels + outputs) + 9 * channels * outputs),
    family: 'matmul',
    run: backward(of, ([x, weights]) => conv2d(x!, weights!, { padding: 'same' })),
    expected: (arrays, place) => expected({ images, channels, size, outputs }, arrays, place),
  }),
});

/** An element of a plane, zero outside of it. */
const planeAt = (planes: Float64Array, size: number, plane: number, row: number, column: number): number =>
  row < 0 || column < 0 || row >= size || column >= size ? 0 : planes[(plane * size + row) * size + column]!;

function imageGradient(
  { channels, size, outputs }: ConvolutionSizes,
  arrays: readonly Float64Array[],
  place: number,
): Expected {
  const [, weights, dy] = arrays;
  const [column, row] = [place % size, Math.floor(place / size) % size];
  const [channel, image] = [Math.floor(place / size ** 2) % channels, Math.floor(place / size ** 2 / channels)];
  return dot(9 * outputs, (term) => {
    const [output, a, b] = [Math.floor(term / 9), Math.floor(term / 3) % 3, term % 3];
    const slope = planeAt(dy!, size, image * outputs + output, row - a + 1, column - b + 1);
    return slope * weights![(output * channels + channel) * 9 + a * 3 + b]!;
  });
}

function weightGradient(sizes: ConvolutionSizes, [x, , dy]: readonly Float64Array[], place: number): Expected {
  const { images, channels, size, outputs } = sizes;
  const [b, a] = [place % 3, Math.floor(place / 3) % 3];
  const [channel, output] = [Math.floor(place / 9) % channels, Math.floor(place / 9 / channels)];
  return dot(images * size * size, (term) => {
    const [column, row, image] = [term % size, Math.floor(term / size) % size, Math.floor(term / size ** 2)];
    const seen = planeAt(x!, size, image * channels + channel, row + a - 1, column + b - 1);
    return seen * planeAt(dy!, size, image * outputs + output, row, column);
  });
}

const attentionBackward: Benched = {
  op: 'attention backward',
  axes: 'BATCHxTOKENSxHEADSxHEAD_SIZE',
  shapes: ['1x512x12x64', '8x128x4x32'],
  of: isKernel(/^attentionKeyGradient/, attentionLengths),
  make: ([batch = 1, tokens = 1, heads = 1, size = 1]) => {
    const width = heads * size;
    const known = new WeakMap<Float64Array, Map<number, HeadGradient>>();
    return {
      inputs: [{ shape: [batch, tokens, 3 * width] }, { shape: [batch, tokens, width] }],
      // Scores again, their gradients, and those of queries, keys and values; half of the scores are seen.
      flops: 5 * batch * heads * tokens * tokens * size,
      bytes: 4 * batch * tokens * 7 * width,
      family: 'attention',
      run: backward(0, ([qkv]) => attention(qkv!, { heads, causal: true })),
      expected: ([qkv, dy], place) => {
        const [column, row] = [place % (3 * width), Math.floor(place / (3 * width))];
        const [slot, head, d] = [Math.floor(column / width), Math.floor((column % width) / size), column % size];
        const [b, t] = [Math.floor(row / tokens), row % tokens];
        const heads = known.get(qkv!) ?? new Map<number, HeadGradient>();
        known.set(qkv!, heads);
        const at = b * width + head;
        const gradient = heads.get(at) ?? headGradient({ qkv: qkv!, dy: dy!, tokens, width, size, b, head });
        heads.set(at, gradient);
        return elementOf(gradient, { tokens, slot, t, d });
      },
    };
  },
};

/** What is known of one head of a sequence: what it reads, weights of keys, and gradients of scores before they are scaled. */
interface HeadGradient {
  readonly of: (slot: number, row: number, d: number) => number;
  readonly slope: (row: number, d: number) => number;
  readonly scale: number;
  readonly weights: readonly Float64Array[];
  readonly scores: readonly Float64Array[];
}

interface Head {
  readonly qkv: Float64Array;
  readonly dy: Float64Array;
  readonly tokens: number;
  readonly width: number;
  readonly size: number;
  readonly b: number;
  readonly head: number;
}

function headGradient({ qkv, dy, tokens, width, size, b, head }: Head): HeadGradient {
  const of = (slot: number, row: number, d: number): number =>
    qkv[((b * tokens + row) * 3 + slot) * width + head * size + d]!;
  const slope = (row: number, d: number): number => dy[(b * tokens + row) * width + head * size + d]!;
  const scale = 1 / Math.sqrt(size);
  const [weights, scores]: [Float64Array[], Float64Array[]] = [[], []];
  for (let t = 0; t < tokens; t++) {
    const powers = Float64Array.from({ length: t + 1 }, (_, j) =>
      Math.exp(scale * dot(size, (d) => of(0, t, d) * of(1, j, d)).value),
    );
    const all = total(powers, (one) => one);
    const own = powers.map((one) => one / all);
    const slopes = own.map((_, j) => dot(size, (d) => slope(t, d) * of(2, j, d)).value);
    const mean = total(own, (weight, j) => weight * slopes[j]!);
    weights.push(own);
    scores.push(own.map((weight, j) => weight * (slopes[j]! - mean)));
  }
  return { of, slope, scale, weights, scores };
}

/** @param at a row of queries (0), keys (1) or values (2) */
function elementOf(
  { of, slope, scale, weights, scores }: HeadGradient,
  { tokens, slot, t, d }: { tokens: number; slot: number; t: number; d: number },
): Expected {
  // Every term is a product of a few numbers below 1: errors are of the size of what is added, not of what is left of it.
  const least = (one: Expected): Expected => ({ value: one.value, scale: Math.max(one.scale, 1e-2) });
  if (slot === 0) return least(dot(t + 1, (j) => scale * scores[t]![j]! * of(1, j, d)));
  if (slot === 1) return least(dot(tokens - t, (i) => scale * scores[t + i]![t]! * of(0, t + i, d)));
  return least(dot(tokens - t, (i) => weights[t + i]![t]! * slope(t + i, d)));
}

/** Backward of an op on rows by themselves. */
const rowsBackward = (
  op: string,
  kernel: RegExp,
  {
    flops,
    run,
    expected,
  }: {
    readonly flops: number;
    readonly run: (x: Tensor) => Tensor;
    readonly expected: (x: Float64Array, dy: Float64Array, column: number) => number;
  },
): Benched => ({
  op: `${op} backward`,
  axes: 'ROWSxCOLUMNS',
  shapes: ['4096x768'],
  of: isKernel(kernel, ({ rows = 0, columns = 0 }) => [rows, columns]),
  make: ([rows = 1, columns = 1]) => ({
    inputs: [{ shape: [rows, columns] }, { shape: [rows, columns] }],
    flops: flops * rows * columns,
    bytes: 12 * rows * columns,
    family: 'rows',
    run: backward(0, ([x]) => run(x!)),
    expected: ([x, dy], place) => {
      const row = Math.floor(place / columns);
      return { value: expected(rowOf(x!, row, columns), rowOf(dy!, row, columns), place % columns), scale: 1 };
    },
  }),
});

/** The gradient of a row that was divided by its own deviation from `mean`. */
const normGradient =
  (isCentred: boolean) =>
  (x: Float64Array, dy: Float64Array, column: number): number => {
    const mean = isCentred ? total(x, (value) => value) / x.length : 0;
    const deviation = deviationOf(x, mean);
    const scaled = x.map((value) => (value - mean) / deviation);
    const shift = isCentred ? total(dy, (value) => value) / x.length : 0;
    const along = total(dy, (value, i) => value * scaled[i]!) / x.length;
    return (dy[column]! - shift - scaled[column]! * along) / deviation;
  };

const lossBackward: Benched = {
  op: 'crossEntropy backward',
  axes: 'ROWSxCLASSES',
  shapes: ['1024x50257'],
  of: isKernel(/^crossEntropyBackward$/, ({ rows = 0, columns = 0 }) => [rows, columns]),
  make: ([rows = 1, classes = 1]) => ({
    inputs: [{ shape: [rows, classes] }, { shape: [rows], below: classes }],
    flops: 4 * rows * classes,
    bytes: 8 * rows * classes,
    family: 'rows',
    // Logits that nobody else reads, as in training: their memory becomes that of their gradient.
    run: ([given, targets], device) => {
      const logits = add(given!, 0);
      const loss = (): Tensor => {
        const y = crossEntropy(logits, targets!);
        device.mark(timedFrom);
        return y;
      };
      return withGradients(device, loss, { wanted: [logits] }).gradients[0]!;
    },
    expected: ([logits, targets], place) => {
      const row = Math.floor(place / classes);
      const own = rowOf(logits!, row, classes);
      const share = Math.exp(logits![place]!) / total(own, (value) => Math.exp(value));
      return { value: (share - Number(targets![row] === place % classes)) / rows, scale: 1 / rows };
    },
  }),
};

const embeddingBackward: Benched = {
  op: 'embedding backward',
  axes: 'TOKENSxVOCABULARYxCOLUMNS',
  shapes: ['1024x8192x768'],
  make: ([tokens = 1, vocabulary = 1, columns = 1]) => ({
    inputs: [{ shape: [tokens], below: vocabulary }, { shape: [vocabulary, columns] }, { shape: [tokens, columns] }],
    flops: tokens * columns,
    bytes: 4 * columns * (tokens + vocabulary),
    family: 'rows',
    run: backward(1, ([ids, table]) => embedding(ids!, table!)),
    expected: ([ids, , dy], place) => {
      const [row, column] = [Math.floor(place / columns), place % columns];
      return exact(total(ids!, (id, i) => (id === row ? dy![i * columns + column]! : 0)));
    },
  }),
};

const geluBackward: Benched = {
  op: 'gelu backward',
  axes: 'any',
  shapes: ['4096x3072'],
  halves: true,
  make: (lengths) => {
    const input: Input = { shape: lengths };
    return {
      inputs: [input, input],
      flops: 2 * sizeOf(lengths),
      bytes: 12 * sizeOf(lengths),
      run: backward(0, ([x]) => gelu(x!)),
      expected: ([x, dy], place) => exact(geluSlope(x![place]!) * dy![place]!),
    };
  },
};

export const gradientOps: readonly Benched[] = [
  matmulBackward('a'),
  matmulBackward('b'),
  convolutionBackward(
    'conv2d backward images',
    0,
    ({ M, K, inputs, outputs = 0 }) => M === inputs && K === 9 * outputs,
    imageGradient,
  ),
  convolutionBackward(
    'conv2d backward weights',
    1,
    ({ M, N, inputs = 0, outputs }) => M === outputs && N === 9 * inputs,
    weightGradient,
  ),
  attentionBackward,
  rowsBackward('softmax', /^softmaxBackward$/, {
    flops: 4,
    run: (x) => softmax(x),
    expected: (x, dy, column) => {
      const powers = x.map(Math.exp);
      const all = total(powers, (one) => one);
      const mean = total(powers, (one, i) => (one / all) * dy[i]!);
      return (powers[column]! / all) * (dy[column]! - mean);
    },
  }),
  rowsBackward('layerNorm', /^layerNormBackward$/, {
    flops: 12,
    run: (x) => layerNorm(x),
    expected: normGradient(true),
  }),
  rowsBackward('rmsNorm', /^rmsNormBackward$/, { flops: 8, run: (x) => rmsNorm(x), expected: normGradient(false) }),
  lossBackward,
  embeddingBackward,
  geluBackward,
];
