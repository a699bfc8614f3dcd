// Kernels written for this network alone, each with all that can be done in one go. Rows have a lane each, as CPU adapters like it.
import { readFileSync } from 'node:fs';
import { kernel } from 'lockstep';

type AnyKernel = ReturnType<typeof kernel>;

const header = (fields: string): string => `
struct Params { rows: u32, columns: u32, ${fields} }
@group(0) @binding(0) var<uniform> params: Params;

const epsilon = 1e-5;
override lanes: u32 = 8u;
`;

const binding = (index: number, name: string, access: 'read' | 'read_write' = 'read', type = 'f32'): string =>
  `@group(0) @binding(${index}) var<storage, ${access}> ${name}: array<${type}>;`;

const main = (body: string): string => `
@compute @workgroup_size(lanes)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  let columns = params.columns;
  if (row >= params.rows) { return; }
  let start = row * columns;
${body}
}
`;

/** y = rmsNorm(table[token]). */
export const embedAndNorm: AnyKernel = kernel(
  `${header('')}
${binding(1, 'tokens', 'read', 'u32')}
${binding(2, 'table')}
${binding(3, 'y', 'read_write')}
${binding(4, 'rstd', 'read_write')}
${main(`  let own = tokens[row] * columns;
  var squares = 0.0;
  for (var c = 0u; c < columns; c++) { squares += table[own + c] * table[own + c]; }
  let scale = 1.0 / sqrt(squares / f32(columns) + epsilon);
  for (var c = 0u; c < columns; c++) { y[start + c] = table[own + c] * scale; }
  rstd[row] = scale;`)}`,
  { name: 'embedAndNorm' },
);

/** y = rmsNorm(x). */
export const norm: AnyKernel = kernel(
  `${header('')}
${binding(1, 'x')}
${binding(2, 'y', 'read_write')}
${binding(3, 'rstd', 'read_write')}
${main(`  var squares = 0.0;
  for (var c = 0u; c < columns; c++) { squares += x[start + c] * x[start + c]; }
  let scale = 1.0 / sqrt(squares / f32(columns) + epsilon);
  for (var c = 0u; c < columns; c++) { y[start + c] = x[start + c] * scale; }
  rstd[row] = scale;`)}`,
  { name: 'norm' },
);

/** dx = beside + the gradient of rmsNorm, whose output was y. */
export const normBackwardAndAdd: AnyKernel = kernel(
  `${header('')}
${binding(1, 'y')}
${binding(2, 'rstd')}
${binding(3, 'dy')}
${binding(4, 'beside')}
${binding(5, 'dx', 'read_write')}
${main(`  var along = 0.0;
  for (var c = 0u; c < columns; c++) { along += dy[start + c] * y[start + c]; }
  along /= f32(columns);
  let scale = rstd[row];
  for (var c = 0u; c < columns; c++) {
    dx[start + c] = beside[start + c] + scale * (dy[start + c] - y[start + c] * along);
  }`)}`,
  { name: 'normBackwardAndAdd' },
);

/** A row is a head of a token: queries and keys are normalised and turned, values copied. `columns` is D. */
export const normAndTurn: AnyKernel = kernel(
  `${header('heads: u32, context: u32,')}
${binding(1, 'x')}
${binding(2, 'cosines')}
${binding(3, 'sines')}
${binding(4, 'y', 'read_write')}
${binding(5, 'rstd', 'read_write')}
${main(`  let head = row % (3u * params.heads);
  let angles = row / (3u * params.heads) % params.context * columns;
  let half = columns / 2u;
  if (head >= 2u * params.heads) {
    for (var c = 0u; c < columns; c++) { y[start + c] = x[start + c]; }
    return;
  }
  var squares = 0.0;
  for (var c = 0u; c < columns; c++) { squares += x[start + c] * x[start + c]; }
  let scale = 1.0 / sqrt(squares / f32(columns) + epsilon);
  for (var c = 0u; c < half; c++) {
    let a = x[start + c] * scale;
    let b = x[start + half + c] * scale;
    y[start + c] = a * cosines[angles + c] + b * sines[angles + c];
    y[start + half + c] = b * cosines[angles + half + c] + a * sines[angles + half + c];
  }
  rstd[row] = scale;`)}`,
  { name: 'normAndTurn' },
);

/** The gradient of {@link normAndTurn}. */
export const normAndTurnBackward: AnyKernel = kernel(
  `${header('heads: u32, context: u32,')}
${binding(1, 'x')}
${binding(2, 'rstd')}
${binding(3, 'cosines')}
${binding(4, 'sines')}
${binding(5, 'dy')}
${binding(6, 'dx', 'read_write')}
${main(`  let head = row % (3u * params.heads);
  let angles = row / (3u * params.heads) % params.context * columns;
  let half = columns / 2u;
  if (head >= 2u * params.heads) {
    for (var c = 0u; c < columns; c++) { dx[start + c] = dy[start + c]; }
    return;
  }
  let scale = rstd[row];
  var along = 0.0;
  for (var c = 0u; c < half; c++) {
    let da = dy[start + c] * cosines[angles + c] + dy[start + half + c] * sines[angles + half + c];
    let db = dy[start + half + c] * cosines[angles + half + c] + dy[start + c] * sines[angles + c];
    along += (da * x[start + c] + db * x[start + half + c]) * scale;
  }
  along /= f32(columns);
  for (var c = 0u; c < half; c++) {
    let da = dy[start + c] * cosines[angles + c] + dy[start + half + c] * sines[angles + half + c];
    let db = dy[start + half + c] * cosines[angles + half + c] + dy[start + c] * sines[angles + c];
    dx[start + c] = scale * (da - x[start + c] * scale * along);
    dx[start + half + c] = scale * (db - x[start + half + c] * scale * along);
  }`)}`,
  { name: 'normAndTurnBackward' },
);

/** The loss of each row of capped logits, and the gradient of what they were before the cap, of the mean over `context` rows. */
export const lossAndGradient: AnyKernel = kernel(
  `${header('context: u32, cap: f32,')}
${binding(1, 'logits')}
${binding(2, 'targets', 'read', 'u32')}
${binding(3, 'losses', 'read_write')}
${binding(4, 'dx', 'read_write')}
${main(`  var largest = logits[start];
  for (var c = 1u; c < columns; c++) { largest = max(largest, logits[start + c]); }
  var sum = 0.0;
  for (var c = 0u; c < columns; c++) { sum += exp(logits[start + c] - largest); }
  losses[row] = largest + log(sum) - logits[start + targets[row]];
  let weight = 1.0 / f32(params.context);
  for (var c = 0u; c < columns; c++) {
    let bent = logits[start + c] / params.cap;
    let slope = exp(logits[start + c] - largest) / sum - select(0.0, 1.0, c == targets[row]);
    dx[start + c] = slope * weight * (1.0 - bent * bent);
  }`)}`,
  { name: 'lossAndGradient' },
);

/** The mean of each row. */
export const meanOfRows: AnyKernel = kernel(
  `${header('')}
${binding(1, 'x')}
${binding(2, 'y', 'read_write')}
${main(`  var sum = 0.0;
  for (var c = 0u; c < columns; c++) { sum += x[start + c]; }
  y[row] = sum / f32(columns);`)}`,
  { name: 'meanOfRows' },
);

/** Gradients of the table's rows, of each shard: a row is a row of the table in a shard. */
export const embeddingBackward: AnyKernel = kernel(
  `${header('context: u32, vocab: u32,')}
${binding(1, 'tokens', 'read', 'u32')}
${binding(2, 'dy')}
${binding(3, 'dtable', 'read_write')}
${main(`  let first = row / params.vocab * params.context;
  for (var c = 0u; c < columns; c++) { dtable[start + c] = 0.0; }
  for (var t = first; t < first + params.context; t++) {
    if (tokens[t] != row % params.vocab) { continue; }
    for (var c = 0u; c < columns; c++) { dtable[start + c] += dy[t * columns + c]; }
  }`)}`,
  { name: 'embeddingBackward' },
);

/** What follows an element's sum: `bias` is a second operand at the same place, `pre` a second output. */
const endings = {
  plain: 'c[to] = value;',
  add: 'c[to] = bias[to] + value;',
  squaredRelu: 'pre[to] = value; c[to] = max(value, 0.0) * max(value, 0.0);',
  squaredReluBackward: 'c[to] = value * 2.0 * max(bias[to], 0.0);',
  capped: 'c[to] = 15.0 * tanh(value / 15.0);',
} as const;
export type Ending = keyof typeof endings;

const stores = /^fn store_element\(to: u32, value: f32\) \{.*\}$/m;
const families = { portable: 'matmul_portable', subgroup: 'matmul_subgroup', tiled: 'matmul_tiled' } as const;
export type Family = keyof typeof families;

/** A text of Lockstep's own, with the pieces that it uses. */
function textOf(file: string): string {
  const text = readFileSync(new URL(`../../kernels/${file}.wgsl`, import.meta.url), 'utf8');
  return text.replace(/^\/\/ use: (\w+)$/gm, (_, piece: string) => textOf(`lib/${piece}`));
}

const products = new Map<string, AnyKernel>();

/** Lockstep's own product with another ending, so that nothing but what is fused differs. */
export function productWith(ending: Ending, family: Family): AnyKernel {
  const name = `${family} product, ${ending}`;
  let known = products.get(name);
  if (!known) {
    const text = textOf(families[family]).replace(
      stores,
      `fn store_element(to: u32, value: f32) { ${endings[ending]} }`,
    );
    products.set(name, (known = kernel(text, { name })));
  }
  return known;
}
