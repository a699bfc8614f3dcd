// Two matrices that all rows of a workgroup go through, a tile of rows at a time and in blocks of 4 rows by 4 columns. With
// `share`, a workgroup's lanes load a tile together into workgroup memory; a row of theirs belongs to `parts` lanes, each
// with `columns` of its columns, that add up their products. Without, each lane has a row and a tile of its own in private
// memory: then there is no workgroup memory and no barrier. Past the head's columns, where what they are multiplied
// with is zero or not stored, its last column stands in.
override share: bool = false;
override unrolled: bool = false;  // whether loops over columns are; GPUs then keep rows in registers, CPUs take long to compile
override rows: u32 = 8u;
override parts: u32 = 1u;
override columns: u32 = 32u;  // a multiple of 4; parts * columns >= head_size
override tile: u32 = 4u;      // rows of a tile, a multiple of 4; 4 without `share`

var<workgroup> first_shared: array<vec4f, tile * parts * columns / 4u>;
var<workgroup> second_shared: array<vec4f, tile * parts * columns / 4u>;
var<workgroup> products: array<mat2x4f, rows * parts>;
var<private> first_own: array<vec4f, 128>;
var<private> second_own: array<vec4f, 128>;

/// The number of a lane's columns, a constant or not.
fn lane_columns() -> u32 {
  if (unrolled) { return columns; }
  return params.columns;
}

/// Where the two matrices lie: their first elements, the steps from row to row, and how many rows they have.
struct Matrices {
  first: u32,
  first_row: u32,
  second: u32,
  second_row: u32,
  rows: u32,
}

/// Brings rows start to start + tile - 1 of both matrices within reach.
fn load_tiles(matrices: Matrices, start: u32, lane: u32) {
  if (share) { workgroupBarrier(); }
  let width = parts * columns / 4u;
  for (var i = select(0u, lane, share); i < tile * width; i += select(1u, rows * parts, share)) {
    let row = min(start + i / width, matrices.rows - 1u);
    var first: vec4f;
    var second: vec4f;
    for (var e = 0u; e < 4u; e++) {
      let column = min(4u * (i % width) + e, head_size - 1u);
      first[e] = first_element(matrices.first + row * matrices.first_row + column);
      second[e] = second_element(matrices.second + row * matrices.second_row + column);
    }
    if (share) {
      first_shared[i] = first;
      second_shared[i] = second;
    } else {
      first_own[i] = first;
      second_own[i] = second;
    }
  }
  if (share) { workgroupBarrier(); }
}

/// Rows j to j + 3 of the first tile as columns, elements c to c + 3 of each.
fn first_block(j: u32, c: u32) -> mat4x4f {
  let step = parts * columns / 4u;
  let at = j * step + c / 4u;
  if (share) { return mat4x4f(first_shared[at], first_shared[at + step], first_shared[at + 2u * step], first_shared[at + 3u * step]); }
  return mat4x4f(first_own[at], first_own[at + step], first_own[at + 2u * step], first_own[at + 3u * step]);
}

/// Rows j to j + 3 of the second tile as columns, elements c to c + 3 of each.
fn second_block(j: u32, c: u32) -> mat4x4f {
  let step = parts * columns / 4u;
  let at = j * step + c / 4u;
  if (share) { return mat4x4f(second_shared[at], second_shared[at + step], second_shared[at + 2u * step], second_shared[at + 3u * step]); }
  return mat4x4f(second_own[at], second_own[at + step], second_own[at + 2u * step], second_own[at + 3u * step]);
}

/// The sum of what the lanes of a row found, in the order of their columns, for all of them.
fn across_parts(mine: mat2x4f, lane: u32) -> mat2x4f {
  if (parts == 1u) { return mine; }
  products[lane] = mine;
  workgroupBarrier();
  var sum = products[lane % rows];
  for (var part = 1u; part < parts; part++) { sum += products[part * rows + lane % rows]; }
  workgroupBarrier();
  return sum;
}

/// The columns of a block that a row sees; zeros for others, which may hold no numbers and then count even when multiplied by 0.
fn only(seen: vec4<bool>, block: mat4x4f) -> mat4x4f {
  return mat4x4f(select(vec4f(), block[0], seen.x), select(vec4f(), block[1], seen.y), select(vec4f(), block[2], seen.z), select(vec4f(), block[3], seen.w));
}
