// A square tile of C, 64 quads x 64 quads elements, for 256 threads, 16 terms of the sum at a time. Thread (x, y) of the 16 x 16 holds
// 4 quads x 4 quads sums: four neighbouring rows by four neighbouring columns, and with two quads those 64 further on, too.
//
// Tiles of A and B lie in workgroup memory term by term, each term in vec4s along the tile's side (16 KiB with two quads). Half of the
// threads fetch A, the others B, each a block of 4 x 4: the next while the present one is worked on. Blocks whose matrix lies along k are
// turned in registers. Where a quad lies is swizzled by its term, so that threads that store blocks, as those that read quads, meet
// different groups of banks.
//
// The kernel supplies load_a and load_b: the quad at `first` of a line, zero from the element `limit` of the line on; finished
// and store_element, what becomes of the sum of an element of column n.
const k_step = 16u;

var<workgroup> a_tile: array<vec4f, k_step * 16u * quads>;
var<workgroup> b_tile: array<vec4f, k_step * 16u * quads>;

/// Where the tile's quad of a term lies.
fn place(term: u32, quad: u32) -> u32 {
  return term * 16u * quads + (quad ^ (2u * (term / 4u)));
}

/// Which four terms and which quad of the tile's side make up a thread's block: neighbouring threads read what is neighbouring in memory.
fn block_of(thread: u32, along_k: bool) -> vec2u {
  let i = thread % 128u;
  return select(vec2u(i / (16u * quads), i % (16u * quads)), vec2u(i % 4u, i / 4u), along_k);
}

fn fetch_a(z: u32, row: u32, k: u32, block: vec2u) -> mat4x4f {
  let origin = params.a0 + z * params.aBatch;
  let term = k + 4u * block.x;
  let first = row + 4u * block.y;
  var lines: mat4x4f;
  for (var i = 0u; i < 4u; i++) {
    if (transposeA) {
      lines[i] = load_a(origin + (term + i) * params.aCol, first, select(0u, params.M, term + i < params.K));
    } else {
      lines[i] = load_a(origin + (first + i) * params.aRow, term, select(0u, params.K, first + i < params.M));
    }
  }
  if (transposeA) {
    return lines;
  }
  return transpose(lines);
}

fn fetch_b(z: u32, column: u32, k: u32, block: vec2u) -> mat4x4f {
  let origin = params.b0 + z * params.bBatch;
  let term = k + 4u * block.x;
  let first = column + 4u * block.y;
  var lines: mat4x4f;
  for (var i = 0u; i < 4u; i++) {
    if (transposeB) {
      lines[i] = load_b(origin + (first + i) * params.bCol, term, select(0u, params.K, first + i < params.N));
    } else {
      lines[i] = load_b(origin + (term + i) * params.bRow, first, select(0u, params.N, term + i < params.K));
    }
  }
  if (transposeB) {
    return transpose(lines);
  }
  return lines;
}

/// Four rows by four columns of C with another term.
fn with_term(sums: mat4x4f, rows: vec4f, columns: vec4f) -> mat4x4f {
  return mat4x4f(
    sums[0] + rows.x * columns,
    sums[1] + rows.y * columns,
    sums[2] + rows.z * columns,
    sums[3] + rows.w * columns,
  );
}

fn store_sums(z: u32, row: u32, column: u32, sums: mat4x4f) {
  for (var i = 0u; i < 4u; i++) {
    if (row + i >= params.M) {
      return;
    }
    let to = params.c0 + z * params.cBatch + (row + i) * params.ldc;
    for (var j = 0u; j < 4u; j++) {
      let n = column + j;
      if (n < params.N) {
        store_element(to + n, finished(to + n, n, sums[i][j]));
      }
    }
  }
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) tile: vec3u, @builtin(local_invocation_index) thread: u32) {
  let x = thread % 16u;
  let y = thread / 16u;
  let row = tile.y * 64u * quads;
  let column = tile.x * 64u * quads;
  let is_of_a = thread < 128u;
  let fetches = thread % 128u < 64u * quads;
  let block = block_of(thread, select(transposeB, !transposeA, is_of_a));

  var next: mat4x4f;
  var sums: mat4x4f;
  var sums_right: mat4x4f;
  var sums_below: mat4x4f;
  var sums_across: mat4x4f;
  for (var k = 0u; k < params.K + k_step; k += k_step) {
    // What was fetched in the round before; the first round only fetches.
    if (k > 0u && fetches) {
      for (var i = 0u; i < 4u; i++) {
        let at = place(4u * block.x + i, block.y);
        if (is_of_a) {
          a_tile[at] = next[i];
        } else {
          b_tile[at] = next[i];
        }
      }
    }
    workgroupBarrier();
    if (k < params.K && fetches) {
      if (is_of_a) {
        next = fetch_a(tile.z, row, k, block);
      } else {
        next = fetch_b(tile.z, column, k, block);
      }
    }
    if (k > 0u) {
      for (var term = 0u; term < k_step; term++) {
        let rows = a_tile[place(term, y)];
        let columns = b_tile[place(term, x)];
        sums = with_term(sums, rows, columns);
        if (quads == 2u) {
          let rows_below = a_tile[place(term, 16u + y)];
          let columns_right = b_tile[place(term, 16u + x)];
          sums_right = with_term(sums_right, rows, columns_right);
          sums_below = with_term(sums_below, rows_below, columns);
          sums_across = with_term(sums_across, rows_below, columns_right);
        }
      }
    }
    workgroupBarrier();
  }

  store_sums(tile.z, row + 4u * y, column + 4u * x, sums);
  if (quads == 2u) {
    store_sums(tile.z, row + 4u * y, column + 64u + 4u * x, sums_right);
    store_sums(tile.z, row + 64u + 4u * y, column + 4u * x, sums_below);
    store_sums(tile.z, row + 64u + 4u * y, column + 64u + 4u * x, sums_across);
  }
}
