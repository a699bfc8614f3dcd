// General matrix product over dense row-major matrices, in all the forms that forward and backward need, and the choice
// of the kernel that computes it. Knows neither shapes of tensors nor gradients.
import { type AnyKernel, matmulPortable, matmulSubgroup, matmulTiled, matmulTiledVec4 } from '@lockstep/kernels';
import type { Family } from '../device/adapter-facts.ts';
import type { Work } from '../device/dispatch.ts';
import type { Dispatcher } from '../device/dispatcher.ts';
import { alignment, type Memory } from '../device/memory.ts';
import { DeviceError } from '@lockstep/errors';
import { withEpilogue } from '../fuse/epilogue-kernel.ts';
import type { Epilogue } from '../graph/epilogue.ts';
import type { Bindable } from '../graph/lower.ts';
import { sizeOf } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { portableLanes, tileOf, tilesOf } from './product-tiles.ts';
import { range } from './range.ts';

/** A matrix, or a batch of them one after the other, inside a tensor. */
export interface Matrix {
  readonly tensor: Tensor;
  /** Use the stored matrix transposed. */
  readonly transposed?: boolean;
  /** Elements from the start of the tensor to the first. */
  readonly offset?: number;
  /** Elements from one stored row to the next; the length of a stored row unless given. */
  readonly stride?: number;
  /** Whether one matrix serves the whole batch. */
  readonly isShared?: boolean;
}

/** c(m, n) = epilogue(Σ_k a(m, k)·b(k, n) + bias(n)), for each of `batch` matrices. */
export interface Gemm {
  readonly a: Matrix;
  readonly b: Matrix;
  readonly c: Matrix;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  /** Whether c is symmetric: a kernel may compute its lower half alone. Of m = n, not cut. */
  readonly symmetric?: boolean;
  readonly bias?: Tensor | undefined;
  /** Apply GELU, keeping what it is applied to in `pre` where that is given. */
  readonly gelu?: boolean;
  readonly pre?: Tensor | undefined;
  /** Elements from the start of `pre` to the first, where a product is cut; it lies as `c` does. */
  readonly preOffset?: number;
}

/** What every family's kernel is given. */
interface Bound {
  readonly tensors: Record<'a' | 'b' | 'bias' | 'c' | 'pre', Bindable>;
  readonly params: Sides & Record<'M' | 'N' | 'K' | 'cBatch' | 'ldc' | 'c0', number>;
  readonly epilogue: Record<'hasBias' | 'gelu' | 'storePre', number>;
  readonly work: Work;
}

type Sides = Record<'aBatch' | 'aRow' | 'aCol' | 'a0' | 'bBatch' | 'bRow' | 'bCol' | 'b0', number>;

const flag = (value: boolean | undefined): number => (value ? 1 : 0);

/**
 * Dispatches a product, in parts where what it reads or writes is larger than the adapter binds, or has more tiles than it counts; in one part
 * together with what follows it.
 */
export function gemm(device: Dispatcher, product: Gemm): void {
  const after = device.epilogueOf(product.c.tensor);
  if (after && runWith(device, product, after.epilogue)) return after.take();
  compute(device, product);
}

function compute(device: Dispatcher, product: Gemm): void {
  // Rows counted by dividing by no columns are no number.
  if (!(product.m * product.n * (product.batch ?? 1) > 0)) return;
  const crowded = beyondGrid(device, product);
  if (crowded) return inParts(device, product, crowded);
  const places = placesOf(product);
  const most = device.limits.maxStorageBufferBindingSize;
  const [a, b, c] = [places.a, places.b, places.c].map((place) => isBindable(place, most)) as [
    boolean,
    boolean,
    boolean,
  ];
  if (a && b && c) return runWhole(device, product, bind(device, product, places));
  if ((product.batch ?? 1) > 1) return inParts(device, product, 'batch');
  if (!a && isAcross(places.a, most)) return compute(device, { ...product, a: gathered(device, product, 'a') });
  if (!b && isAcross(places.b, most)) return compute(device, { ...product, b: gathered(device, product, 'b') });
  if (!c || (!a && !product.a.transposed)) return inParts(device, product, 'm');
  if (!b && product.b.transposed) return inParts(device, product, 'n');
  return inColumns(device, product, b ? 'a' : 'b');
}

/** The axis along which there are more workgroups than an adapter takes at once. */
function beyondGrid(device: Dispatcher, { m, n, batch = 1 }: Gemm): 'batch' | 'm' | 'n' | undefined {
  const most = device.limits.maxComputeWorkgroupsPerDimension;
  const { rows, columns } = tileOf(device);
  if (batch > most) return 'batch';
  if (m > most * rows) return 'm';
  return n > most * columns ? 'n' : undefined;
}

/** Rows and columns at whose multiples products are cut, so that parts begin where vectors do. */
const grain = 64;

function inParts(device: Dispatcher, product: Gemm, along: 'batch' | 'm' | 'n'): void {
  const length = product[along] ?? 1;
  const middle = length > grain && along !== 'batch' ? Math.ceil(length / 2 / grain) * grain : Math.ceil(length / 2);
  if (length < 2)
    throw new DeviceError(
      `matmul: expected rows that the adapter binds, got ${product.n} columns by ${product.k} terms`,
    );
  compute(device, part(product, along, { start: 0, length: middle }));
  compute(device, part(product, along, { start: middle, length: length - middle }));
}

/** Columns of an operand that lies row by row have no range of their own: they are copied, some at a time. */
function inColumns(device: Dispatcher, product: Gemm, operand: 'a' | 'b'): void {
  const { k } = product;
  const along = operand === 'a' ? 'm' : 'n';
  const width = Math.floor(device.limits.maxStorageBufferBindingSize / (4 * k * grain)) * grain;
  if (width === 0) throw new DeviceError(`matmul: expected columns that the adapter binds, got ${k} terms`);
  for (let start = 0; start < product[along]; start += width) {
    const length = Math.min(width, product[along] - start);
    const cut = part(product, along, { start, length });
    const columns = device.empty([k, length]);
    device.copy(columnsOf(cut[operand], k, length), columns);
    compute(device, { ...cut, [operand]: { tensor: columns, transposed: operand === 'a' } });
  }
}

/** A copy of an operand that is small enough, but lies across two buffers. */
function gathered(device: Dispatcher, product: Gemm, operand: 'a' | 'b'): Matrix {
  const { m, n, k } = product;
  const { transposed = false } = product[operand];
  const [rows, columns] = operand === 'a' ? [m, k] : [k, n];
  const [storedRows, storedColumns] = transposed ? [columns, rows] : [rows, columns];
  const copy = device.empty([storedRows, storedColumns]);
  const stride = product[operand].stride ?? storedColumns;
  device.copy(columnsOf({ ...product[operand], stride }, storedRows, storedColumns), copy);
  return { tensor: copy, transposed };
}

/** The first columns of a stored matrix. */
function columnsOf({ tensor, offset = 0, stride }: Matrix, rows: number, columns: number): Tensor {
  const { memory, layout } = tensor.stored!;
  const own = { offset: layout.offset + offset, shard: 0, strides: [stride!, 1] };
  return new Tensor(tensor.device, { shape: [rows, columns], dtype: tensor.dtype }, { memory, layout: own });
}

/** A range of rows, columns, terms or matrices of a product. */
function part(product: Gemm, along: 'batch' | 'm' | 'n', { start, length }: { start: number; length: number }): Gemm {
  const { aBatch, aRow, aCol, bBatch, bRow, bCol } = sides(product);
  const ldc = product.c.stride ?? product.n;
  const steps = {
    batch: [aBatch, bBatch, product.m * ldc],
    m: [aRow, 0, ldc],
    n: [0, bCol, 1],
  }[along] as [number, number, number];
  const moved = (matrix: Matrix, step: number, stride: number): Matrix => ({
    ...matrix,
    stride,
    offset: (matrix.offset ?? 0) + start * step,
  });
  const [lda, ldb] = [Math.max(aRow, aCol), Math.max(bRow, bCol)];
  const { bias, pre } = product;
  return {
    ...product,
    symmetric: along === 'batch' && product.symmetric === true,
    [along]: length,
    a: moved(product.a, steps[0], lda),
    b: moved(product.b, steps[1], ldb),
    c: moved(product.c, steps[2], ldc),
    ...(along === 'n' && bias && { bias: sliceOf(bias, start, length) }),
    ...(pre && { preOffset: (product.preOffset ?? 0) + start * steps[2] }),
  };
}

/** Some elements of a vector in memory. */
function sliceOf(vector: Tensor, start: number, length: number): Tensor {
  return range(vector, 0, { start, length });
}

/** The part of a tensor's memory that a matrix, or a batch of them, lies in. */
interface MatrixPlace {
  readonly memory: Memory;
  /** The first byte; a multiple of 256. */
  readonly start: number;
  readonly end: number;
  /** Elements from there to the first. */
  readonly offset: number;
}

function placesOf(product: Gemm): Record<'a' | 'b' | 'c' | 'pre', MatrixPlace> {
  const { a, b, c, m, n, k, batch = 1, pre } = product;
  const { aBatch, aRow, aCol, bBatch, bRow, bCol } = sides(product);
  const ldc = c.stride ?? n;
  const last = (matrices: number, rows: number, columns: number): number => (batch - 1) * matrices + rows + columns;
  const cLast = last(m * ldc, (m - 1) * ldc, n - 1);
  return {
    a: placeOf(a, last(aBatch, (m - 1) * aRow, (k - 1) * aCol)),
    b: placeOf(b, last(bBatch, (k - 1) * bRow, (n - 1) * bCol)),
    c: placeOf(c, cLast),
    pre: placeOf({ tensor: pre ?? c.tensor, offset: pre ? (product.preOffset ?? 0) : 0 }, cLast),
  };
}

function placeOf({ tensor, offset = 0 }: Matrix, last: number): MatrixPlace {
  const { memory, layout } = tensor.stored!;
  const first = layout.offset + offset;
  const start = Math.floor((4 * first) / alignment) * alignment;
  return { memory, start, end: 4 * (first + last + 1), offset: first - start / 4 };
}

const isAcross = ({ memory, start, end }: MatrixPlace, most: number): boolean =>
  end - start <= most && !memory.isWhole(start, end);

const isBindable = ({ memory, start, end }: MatrixPlace, most: number): boolean =>
  end - start <= most && memory.isWhole(start, end);

/** Dispatches a product that needs no parts. */
function runWhole(device: Dispatcher, product: Gemm, { tensors, params, epilogue, work }: Bound): void {
  const { kernel, quads, constants } = families[device.families.matmul](device, product, params);
  device.run(kernel, tensors, params, tilesOf(device, product, quads), { ...epilogue, ...constants }, work);
}

/** Dispatches a product together with the ops that follow it, if one dispatch can do that. */
function runWith(device: Dispatcher, product: Gemm, epilogue: Epilogue): boolean {
  const { m, n, batch = 1, c } = product;
  if (!(m * n * batch > 0) || beyondGrid(device, product) || (c.offset ?? c.stride) !== undefined) return false;
  const joined = { ...product, c: { tensor: epilogue.output } };
  const places = placesOf(joined);
  const most = device.limits.maxStorageBufferBindingSize;
  const isWhole = [places.a, places.b, places.c].every((place) => isBindable(place, most));
  if (!isWhole || places.c.offset !== 0) return false;
  const { tensors, params, epilogue: constants, work } = bind(device, joined, places);
  const { kernel, quads, constants: form } = families[device.families.matmul](device, joined, params);
  const own = withEpilogue(kernel, epilogue, most);
  if (!own) return false;
  device.run(
    own.kernel,
    { ...tensors, ...own.ranges },
    { ...params, ...own.params },
    tilesOf(device, joined, quads),
    { ...constants, ...form },
    { flops: work.flops + own.work.flops, bytes: work.bytes + own.work.bytes },
  );
  return true;
}

/** What changes a bit follows from the lengths n and k, never from m or batch: those grow with the shards in a pass. */
const families: Record<Family, (device: Dispatcher, product: Gemm, params: Sides) => Choice> = {
  portable: ({ facts }) => ({
    kernel: matmulPortable as unknown as AnyKernel,
    constants: { width: portableLanes(facts) },
  }),
  subgroup: (_, { k, symmetric }) => ({
    kernel: matmulSubgroup as unknown as AnyKernel,
    constants: { kStep: k % 2 === 0 ? 2 : 1, symmetric: flag(symmetric) },
  }),
  tiled(device, product, params) {
    const { a, b } = product;
    // Each sum has its terms in one order whatever the tile, so that this choice may follow from the pass.
    const quads = sizeOf(tilesOf(device, product, 2)) >= enoughGroups ? 2 : 1;
    const kernel = (isAligned(product, params) ? matmulTiledVec4 : matmulTiled) as unknown as AnyKernel;
    const constants = { quads, transposeA: flag(a.transposed), transposeB: flag(b.transposed) };
    return { kernel, quads, constants };
  },
};

/** The kernel of a family for a product. */
interface Choice {
  readonly kernel: AnyKernel;
  readonly quads?: number;
  readonly constants: Readonly<Record<string, number>>;
}

/** Workgroups that keep a large GPU busy: with fewer of them, smaller tiles, and so more workgroups, are faster. */
const enoughGroups = 128;

/** Whether four neighbouring elements of a and of b can be read at once, wherever a read begins. */
function isAligned({ a, b, m, n, k }: Gemm, { aBatch, aRow, aCol, a0, bBatch, bRow, bCol, b0 }: Sides): boolean {
  const [lda, ldb] = [Math.max(aRow, aCol), Math.max(bRow, bCol)];
  const inner = [a.transposed ? m : k, b.transposed ? k : n];
  return [...inner, lda, ldb, a0, b0, aBatch, bBatch].every((length) => length % 4 === 0);
}

function bind(device: Dispatcher, product: Gemm, places: ReturnType<typeof placesOf>): Bound {
  const { c, m, n, k, bias, gelu, pre } = product;
  const ldc = c.stride ?? n;
  return {
    // A binding that the constants switch off still needs a buffer: `a` may be read twice, `nowhere` is never written.
    tensors: { a: places.a, b: places.b, bias: bias ?? places.a, c: places.c, pre: pre ? places.pre : device.nowhere },
    params: {
      ...sides(product),
      a0: places.a.offset,
      b0: places.b.offset,
      M: m,
      N: n,
      K: k,
      cBatch: m * ldc,
      ldc,
      c0: places.c.offset,
    },
    epilogue: { hasBias: flag(bias !== undefined), gelu: flag(gelu), storePre: flag(pre !== undefined) },
    work: workOf(product),
  };
}

/** Operations and bytes of a product at the least; what comes after the sums is not counted among the operations. */
function workOf({ a, b, m, n, k, batch = 1, symmetric, bias, pre }: Gemm): Work {
  const matrices = ({ isShared }: Matrix): number => (isShared ? 1 : batch);
  const read = matrices(a) * m * k + matrices(b) * k * n + (bias ? n : 0);
  const sums = symmetric ? (m * (m + 1)) / 2 : m * n;
  return { flops: 2 * batch * sums * k, bytes: 4 * (read + (pre ? 2 : 1) * batch * m * n) };
}

/** Where the operands' elements are: steps along their rows and columns, transposed or not. */
function sides({ a, b, m, n, k }: Gemm): Sides {
  const lda = a.stride ?? (a.transposed ? m : k);
  const ldb = b.stride ?? (b.transposed ? k : n);
  return {
    aBatch: a.isShared ? 0 : (a.transposed ? k : m) * lda,
    aRow: a.transposed ? 1 : lda,
    aCol: a.transposed ? lda : 1,
    a0: a.offset ?? 0,
    bBatch: b.isShared ? 0 : (b.transposed ? n : k) * ldb,
    bRow: b.transposed ? 1 : ldb,
    bCol: b.transposed ? ldb : 1,
    b0: b.offset ?? 0,
  };
}
