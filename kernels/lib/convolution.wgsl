// A convolution, and its two derivatives, as products C[z](m, n) = sum_k A[z](m, k) B[z](k, n) whose operands are read where images and
// weights lie. A term k is a place of three axes, (c, i, j); so is a column n, but for the gradient of images and forward, of two.
//
//             C                          A                 B                    k             n
//   forward   y (images, M, OH, OW)      weights           x                    (Cin, KH, KW) (OH, OW)
//   images    dx (images, M, H, W)       weights           dy                   (Cout, KH, KW) (H, W)
//   weights   dw (shards, M, Cin KH KW)  dy                x                    (B, OH, OW)   (Cin, KH, KW)
//
// z counts images and their groups, or shards and groups.

struct Params {
  M: u32, N: u32, K: u32,
  aBatch: u32, aRow: u32, aCol: u32, a0: u32,
  bBatch: u32, bRow: u32, bCol: u32, b0: u32,
  cBatch: u32, ldc: u32, c0: u32,
  images: u32,        // of a shard
  groups: u32,
  inputs: u32,        // channels of a group
  outputs: u32,       // channels of a group
  height: u32, width: u32,
  out_height: u32, out_width: u32,
  kernel_height: u32, kernel_width: u32,
  stride_height: u32, stride_width: u32,
  before_height: u32, before_width: u32,  // padding
  dilation_height: u32, dilation_width: u32,
  planes: u32,        // images, of all shards that x has, times groups
  weight_shard: u32,  // elements from the weights of a shard to those of the next, 0 where one serves all
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> images: array<f32>;          // x, or dy for the gradient of images
@group(0) @binding(2) var<storage, read> weights: array<f32>;         // weights, or dy for their gradient
@group(0) @binding(3) var<storage, read_write> c: array<f32>;

override of_images: bool = false;
override of_weights: bool = false;

/// Lengths of the axes of k.
fn terms() -> vec3u {
  if (of_weights) { return vec3u(params.images, params.out_height, params.out_width); }
  return vec3u(select(params.inputs, params.outputs, of_images), params.kernel_height, params.kernel_width);
}

/// A place in three axes.
fn unfolded(at: u32, lengths: vec3u) -> vec3u {
  return vec3u(at / (lengths.y * lengths.z), at / lengths.z % lengths.y, at % lengths.z);
}

/// The image and group of a place of k, among all images' groups.
fn image_of(z: u32, term: vec3u) -> u32 {
  if (of_weights) { return (z / params.groups * params.images + term.x) * params.groups + z % params.groups; }
  return z;
}

/// Where A(m, k) is: a sum of two places, one for the row and one for the term.
fn left_row(z: u32, m: u32) -> u32 {
  if (of_weights) { return m * params.out_height * params.out_width; }
  let first = z / (params.groups * params.images) * params.weight_shard;
  let channels = z % params.groups * params.outputs * params.inputs;
  return first + (channels + m * select(params.inputs, 1u, of_images)) * params.kernel_height * params.kernel_width;
}

fn left_term(z: u32, term: vec3u) -> u32 {
  if (of_weights) { return (image_of(z, term) * params.outputs * params.out_height + term.y) * params.out_width + term.z; }
  let channel = term.x * select(1u, params.inputs, of_images);
  return (channel * params.kernel_height + term.y) * params.kernel_width + term.z;
}

/// Four columns of B: what of their places does not depend on the term.
struct Columns {
  plane: vec4u,  // elements before that of their channel
  row: vec4u,
  column: vec4u,
}

fn four_columns(n: vec4u) -> Columns {
  let before = vec2u(params.before_height, params.before_width);
  if (of_images) { return Columns(vec4u(), n / params.width + before.x, n % params.width + before.y); }
  if (of_weights) {
    let tap = n % (params.kernel_height * params.kernel_width);
    return Columns(
      n / (params.kernel_height * params.kernel_width) * params.height * params.width,
      tap / params.kernel_width * params.dilation_height - before.x,
      tap % params.kernel_width * params.dilation_width - before.y,
    );
  }
  return Columns(vec4u(), n / params.out_width * params.stride_height - before.x, n % params.out_width * params.stride_width - before.y);
}

/// B(k, n) for four columns: 0 outside of images. What is before their beginning is far beyond their end, as a word.
fn right(z: u32, term: vec3u, columns: Columns) -> vec4f {
  if (of_images) {
    let reached_rows = columns.row - term.y * params.dilation_height;
    let reached_columns = columns.column - term.z * params.dilation_width;
    let first = (z * params.outputs + term.x) * params.out_height * params.out_width;
    let size = vec2u(params.out_height, params.out_width);
    // Divisions take longer than all else here.
    if (params.stride_height * params.stride_width == 1u) {
      return four_of(first, reached_rows, reached_columns, size, vec4<bool>(true), vec4u());
    }
    let meets = (reached_rows % params.stride_height == vec4u()) & (reached_columns % params.stride_width == vec4u());
    return four_of(first, reached_rows / params.stride_height, reached_columns / params.stride_width, size, meets, vec4u());
  }
  let step = select(
    vec2u(term.y * params.dilation_height, term.z * params.dilation_width),
    vec2u(term.y * params.stride_height, term.z * params.stride_width),
    of_weights,
  );
  let image = image_of(z, term) % params.planes * params.inputs + select(term.x, 0u, of_weights);
  let size = vec2u(params.height, params.width);
  return four_of(image * size.x * size.y, columns.row + step.x, columns.column + step.y, size, vec4<bool>(true), columns.plane);
}

fn four_of(first: u32, rows: vec4u, columns: vec4u, size: vec2u, meets: vec4<bool>, planes: vec4u) -> vec4f {
  let inside = meets & (rows < vec4u(size.x)) & (columns < vec4u(size.y));
  let at = select(vec4u(), first + planes + rows * size.y + columns, inside);
  return select(vec4f(), vec4f(images[at.x], images[at.y], images[at.z], images[at.w]), inside);
}
