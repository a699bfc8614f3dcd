// Convolutions as products whose operands are read where they lie (lib/convolution.wgsl), shared by subgroups: for CPU adapters.
//
// Work: one subgroup (8 invocations) owns a 32 x 32 tile of C, as in matmul_subgroup.wgsl: A is loaded by the lane of its row and passed on.
// Needs subgroups of at least 8 lanes.
// Workgroups: (ceil(N / 32), ceil(M / 32), batch).
enable subgroups;

// use: convolution

const lanes = 8u;
const rows = 32u;
const columns = 4u; // per lane

var<private> sums: array<f32, rows * columns>;

/// Adds a term of the sum to eight rows; `x` is A(row + lane, k).
fn add_term(row: u32, x: f32, p: vec4f) {
  for (var r = 0u; r < lanes; r++) {
    let own = subgroupShuffle(x, r);
    for (var j = 0u; j < columns; j++) { sums[(row + r) * columns + j] += own * p[j]; }
  }
}

@compute @workgroup_size(8)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let row = tile.y * rows;
  let column = tile.x * lanes * columns + lane;
  // Rows and columns past the edge repeat the last one; they are never stored.
  let places = four_columns(min(column + lanes * vec4u(0u, 1u, 2u, 3u), vec4u(params.N - 1u)));
  let own_rows = min(row + lane + vec4u(0u, 8u, 16u, 24u), vec4u(params.M - 1u));
  let from_rows = vec4u(left_row(tile.z, own_rows.x), left_row(tile.z, own_rows.y), left_row(tile.z, own_rows.z), left_row(tile.z, own_rows.w));

  let lengths = terms();
  for (var channel = 0u; channel < lengths.x; channel++) {
    for (var i = 0u; i < lengths.y; i++) {
      for (var j = 0u; j < lengths.z; j++) {
        let term = vec3u(channel, i, j);
        let p = right(tile.z, term, places);
        let at = from_rows + left_term(tile.z, term);
        add_term(0u, weights[at.x], p);
        add_term(8u, weights[at.y], p);
        add_term(16u, weights[at.z], p);
        add_term(24u, weights[at.w], p);
      }
    }
  }

  var at = 0u;
  for (var m = row; m < min(row + rows, params.M); m++) {
    let to = tile.z * params.cBatch + m * params.ldc;
    for (var n = column; n < column + lanes * columns; n += lanes) {
      if (n < params.N) { c[to + n] = sums[at]; }
      at++;
    }
  }
}
