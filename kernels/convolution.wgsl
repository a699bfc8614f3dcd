// Convolutions as products whose operands are read where they lie (lib/convolution.wgsl): for every adapter.
//
// Work: one invocation owns 8 rows and 4 columns of C in registers, as in matmul_portable.wgsl.
// Workgroups: (ceil(N / (4 * lanes)), ceil(M / 8), batch).

// use: convolution

override lanes: u32 = 8u;

const rows = 8u;
const columns = 4u;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = tile.y * rows;
  let column = tile.x * lanes * columns + lane;
  // Rows and columns past the edge repeat the last one; they are never stored.
  let last_row = params.M - 1u;
  let last_column = params.N - 1u;
  let places = four_columns(min(column + lanes * vec4u(0u, 1u, 2u, 3u), vec4u(last_column)));
  var from_rows: array<u32, 8>;
  for (var r = 0u; r < rows; r++) { from_rows[r] = left_row(tile.z, min(row + r, last_row)); }

  var sums: array<vec4f, 8>;
  let lengths = terms();
  for (var channel = 0u; channel < lengths.x; channel++) {
    for (var i = 0u; i < lengths.y; i++) {
      for (var j = 0u; j < lengths.z; j++) {
        let term = vec3u(channel, i, j);
        let p = right(tile.z, term, places);
        let at = left_term(tile.z, term);
        for (var r = 0u; r < rows; r++) { sums[r] += weights[from_rows[r] + at] * p; }
      }
    }
  }

  for (var m = row; m < min(row + rows, params.M); m++) {
    let to = tile.z * params.cBatch + m * params.ldc;
    for (var j = 0u; j < columns; j++) {
      let n = column + j * lanes;
      if (n < params.N) { c[to + n] = sums[m - row][j]; }
    }
  }
}
