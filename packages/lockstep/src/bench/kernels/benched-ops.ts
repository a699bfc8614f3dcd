// The ops of the kernel bench, with sizes of small and of large models.
import { ops, sizeOf, type Tensor } from '@lockstep/tensor';
import { attentionLengths, type Benched, convolutionLengths, isKernel } from './case.ts';
import { gelu as geluOf, deviationOf, dot, exact, total } from './expected.ts';
import { gradientOps } from './gradient-ops.ts';
import { optimizerOps } from './optimizer-ops.ts';

const {
  add,
  attention,
  conv2d,
  crossEntropy,
  cumsum,
  embedding,
  gelu,
  layerNorm,
  matmul,
  rmsNorm,
  softmax,
  sort,
  sum,
} = ops;

const matmuls = ['512x512x512', '1024x1024x1024', '512x3072x768', '64x64x64'];

/** Which operand is stored transposed. */
type Form = 'plain' | 'a' | 'b';

const matmulOp = (op: string, form: Form): Benched => ({
  op,
  axes: 'MxNxK[xBATCH]',
  shapes: form === 'plain' ? matmuls : ['512x512x512'],
  of: ({ kernel, params, workgroups }) => {
    const { M = 0, N = 0, K = 0, aRow, bRow } = params;
    const own = aRow === 1 && M > 1 && K > 1 ? 'a' : bRow === 1 && N > 1 && K > 1 ? 'b' : 'plain';
    const batch = workgroups[2];
    if (!kernel.startsWith('matmul') || own !== form) return undefined;
    return batch === 1 ? [M, N, K] : [M, N, K, batch];
  },
  make: ([m = 1, n = 1, k = 1, batch = 1]) => ({
    inputs: [
      { shape: [batch, ...(form === 'a' ? [k, m] : [m, k])] },
      { shape: [batch, ...(form === 'b' ? [n, k] : [k, n])] },
    ],
    flops: 2 * batch * m * n * k,
    bytes: 4 * batch * (m * k + k * n + m * n),
    family: 'matmul',
    run: ([a, b]) => matmul(a!, b!, { transposeA: form === 'a', transposeB: form === 'b' }),
    expected: ([a, b], place) => {
      const [row, column, one] = [Math.floor(place / n) % m, place % n, Math.floor(place / n / m)];
      const left = (i: number): number => a![one * m * k + (form === 'a' ? i * m + row : row * k + i)]!;
      const right = (i: number): number => b![one * k * n + (form === 'b' ? column * k + i : i * n + column)]!;
      return dot(k, (i) => left(i) * right(i));
    },
  }),
});

const rowOp = (
  op: string,
  {
    flops,
    run,
    expected,
  }: {
    readonly flops: number;
    readonly run: (x: Tensor) => Tensor;
    readonly expected: (row: Float64Array, column: number) => number;
  },
): Benched => ({
  op,
  axes: 'ROWSxCOLUMNS',
  shapes: ['4096x768', '1024x50257'],
  of: ({ kernel, params: { rows = 0, columns = 0 } }) => (kernel === op ? [rows, columns] : undefined),
  make: ([rows = 1, columns = 1]) => ({
    inputs: [{ shape: [rows, columns] }],
    flops: flops * rows * columns,
    bytes: 8 * rows * columns,
    family: 'rows',
    run: ([x]) => run(x!),
    expected: ([x], place) => {
      const row = Math.floor(place / columns);
      return { value: expected(x!.subarray(row * columns, (row + 1) * columns), place % columns), scale: 1 };
    },
  }),
});

const elementwise = (
  op: string,
  inputs: number,
  run: (...x: Tensor[]) => Tensor,
  of: (...x: number[]) => number,
): Benched => ({
  op,
  axes: 'any',
  shapes: ['4096x3072'],
  halves: true,
  make: (lengths) => ({
    inputs: Array.from({ length: inputs }, () => ({ shape: lengths })),
    flops: inputs * sizeOf(lengths),
    bytes: 4 * (inputs + 1) * sizeOf(lengths),
    run: (all) => run(...all),
    expected: (all, place) => exact(of(...all.map((one) => one[place]!))),
  }),
});

const attentionOp: Benched = {
  op: 'attention',
  axes: 'BATCHxTOKENSxHEADSxHEAD_SIZE',
  shapes: ['1x512x12x64', '8x128x4x32'],
  of: isKernel(/^attention(Subgroup)?$/, attentionLengths),
  make: ([batch = 1, tokens = 1, heads = 1, size = 1]) => {
    const width = heads * size;
    return {
      inputs: [{ shape: [batch, tokens, 3 * width] }],
      // Half of the scores are seen.
      flops: 2 * batch * heads * tokens * tokens * size,
      bytes: 4 * batch * tokens * 4 * width,
      family: 'attention',
      run: ([qkv]) => attention(qkv!, { heads, causal: true }),
      expected: ([qkv], place) => {
        const [column, t, b] = [place % width, Math.floor(place / width) % tokens, Math.floor(place / width / tokens)];
        const head = Math.floor(column / size) * size;
        const at = (row: number, slot: number, d: number): number =>
          qkv![((b * tokens + row) * 3 + slot) * width + head + d]!;
        const scores = Array.from(
          { length: t + 1 },
          (_, j) => dot(size, (d) => at(t, 0, d) * at(j, 1, d)).value / Math.sqrt(size),
        );
        const most = Math.max(...scores);
        const weights = scores.map((score) => Math.exp(score - most));
        const all = weights.reduce((sum, weight) => sum + weight, 0);
        return { value: dot(t + 1, (j) => (weights[j]! / all) * at(j, 2, column - head)).value, scale: 1 };
      },
    };
  },
};

const convolution: Benched = {
  op: 'conv2d',
  axes: 'IMAGESxCHANNELSxSIZExOUTPUTS',
  shapes: ['8x16x28x32'],
  of: isKernel(
    /^convolution/,
    convolutionLengths(({ M, K, inputs = 0, outputs }) => M === outputs && K === 9 * inputs),
  ),
  make: ([images = 1, channels = 1, size = 1, outputs = 1]) => ({
    inputs: [{ shape: [images, channels, size, size] }, { shape: [outputs, channels, 3, 3] }],
    flops: 2 * 9 * images * channels * size * size * outputs,
    bytes: 4 * (images * size * size * (channels + outputs) + 9 * channels * outputs),
    family: 'matmul',
    run: ([x, weights]) => conv2d(x!, weights!, { padding: 'same' }),
    expected: ([x, weights], place) => {
      const [j, i] = [place % size, Math.floor(place / size) % size];
      const [output, image] = [Math.floor(place / size ** 2) % outputs, Math.floor(place / size ** 2 / outputs)];
      return dot(9 * channels, (term) => {
        const [channel, a, b] = [Math.floor(term / 9), Math.floor(term / 3) % 3, term % 3];
        const [row, column] = [i + a - 1, j + b - 1];
        if (row < 0 || column < 0 || row >= size || column >= size) return 0;
        return (
          x![((image * channels + channel) * size + row) * size + column]! * weights![output * channels * 9 + term]!
        );
      });
    },
  }),
};

const embeddingOp: Benched = {
  op: 'embedding',
  axes: 'TOKENSxVOCABULARYxCOLUMNS',
  shapes: ['4096x50257x768'],
  of: isKernel(/^embedding$/, ({ positions = 0, vocabulary = 0, columns = 0 }) => [positions, vocabulary, columns]),
  make: ([tokens = 1, vocabulary = 1, columns = 1]) => ({
    inputs: [{ shape: [tokens], below: vocabulary }, { shape: [vocabulary, columns] }],
    flops: 0,
    bytes: 8 * tokens * columns,
    family: 'rows',
    run: ([ids, table]) => embedding(ids!, table!),
    expected: ([ids, table], place) => exact(table![ids![Math.floor(place / columns)]! * columns + (place % columns)]!),
  }),
};

const lossOp: Benched = {
  op: 'crossEntropy',
  axes: 'ROWSxCLASSES',
  shapes: ['1024x50257'],
  of: isKernel(/^crossEntropy$/, ({ rows = 0, columns = 0 }) => [rows, columns]),
  make: ([rows = 1, classes = 1]) => ({
    inputs: [{ shape: [rows, classes] }, { shape: [rows], below: classes }],
    flops: 4 * rows * classes,
    bytes: 4 * rows * classes,
    family: 'rows',
    run: ([logits, targets]) => crossEntropy(logits!, targets!),
    expected: ([logits, targets]) => {
      let value = 0;
      for (let row = 0; row < rows; row++) {
        const own = logits!.subarray(row * classes, (row + 1) * classes);
        value += Math.log(total(own, (value) => Math.exp(value))) - own[targets![row]!]!;
      }
      return { value: value / rows, scale: Math.log(classes) };
    },
  }),
};

const alongAxis: Benched[] = [
  {
    op: 'cumsum',
    axes: 'ROWSxCOLUMNS',
    shapes: ['1x1000000'],
    make: ([rows = 1, columns = 1]) => ({
      inputs: [{ shape: [rows, columns] }],
      flops: rows * columns,
      bytes: 8 * rows * columns,
      run: ([x]) => cumsum(x!),
      expected: ([x], place) => {
        const first = Math.floor(place / columns) * columns;
        return dot(place - first + 1, (k) => x![first + k]!);
      },
    }),
  },
  {
    op: 'sort',
    axes: 'ROWSxCOLUMNS',
    shapes: ['1x1000000'],
    make: ([rows = 1, columns = 1]) => {
      const sorted = new WeakMap<Float64Array, Float64Array>();
      return {
        inputs: [{ shape: [rows, columns] }],
        flops: 0,
        bytes: 8 * rows * columns,
        run: ([x]) => sort(x!).values,
        expected: ([x], place) => {
          const first = Math.floor(place / columns) * columns;
          if (rows > 1) return exact(x!.slice(first, first + columns).toSorted()[place - first]!);
          if (!sorted.has(x!)) sorted.set(x!, x!.toSorted());
          return exact(sorted.get(x!)![place]!);
        },
      };
    },
  },
  ...([0, 1] as const).map((axis): Benched => ({
    op: axis === 0 ? 'sum of columns' : 'sum of rows',
    axes: 'ROWSxCOLUMNS',
    shapes: ['4096x3072'],
    halves: true,
    make: ([rows = 1, columns = 1]) => ({
      inputs: [{ shape: [rows, columns] }],
      flops: rows * columns,
      bytes: 4 * rows * columns,
      family: 'rows',
      run: ([x]) => sum(x!, { axis }),
      expected: ([x], place) =>
        axis === 0 ? dot(rows, (i) => x![i * columns + place]!) : dot(columns, (i) => x![place * columns + i]!),
    }),
  })),
];

export const benchedOps: readonly Benched[] = [
  matmulOp('matmul', 'plain'),
  matmulOp('matmul of a transpose', 'b'),
  matmulOp('matmul of a transposed first', 'a'),
  attentionOp,
  convolution,
  rowOp('softmax', {
    flops: 4,
    run: (x) => softmax(x),
    expected: (row, column) => Math.exp(row[column]!) / total(row, (value) => Math.exp(value)),
  }),
  rowOp('layerNorm', {
    flops: 8,
    run: (x) => layerNorm(x),
    expected: (row, column) => {
      const mean = total(row, (value) => value) / row.length;
      return (row[column]! - mean) / deviationOf(row, mean);
    },
  }),
  rowOp('rmsNorm', { flops: 4, run: (x) => rmsNorm(x), expected: (row, column) => row[column]! / deviationOf(row, 0) }),
  lossOp,
  embeddingOp,
  ...alongAxis,
  elementwise(
    'add',
    2,
    (a, b) => add(a!, b!),
    (a, b) => a! + b!,
  ),
  elementwise(
    'gelu',
    1,
    (x) => gelu(x!),
    (x) => geluOf(x!),
  ),
  ...gradientOps,
  ...optimizerOps,
];
