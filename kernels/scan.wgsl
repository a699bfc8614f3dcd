// y[row, i] = x[row, 0] + … + x[row, i], within blocks of 2,048 elements; and what each block comes to.
//
// A lane adds up its elements, a workgroup its lanes' sums, by halves (Hillis and Steele 1986). Rows of several blocks are finished by
// a scan of the blocks' sums and by scanAdd.

struct Params {
  rows: u32,
  length: u32,  // of a row
  blocks: u32,  // of a row
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;             // (rows, length): words of f32, i32 or u32
@group(0) @binding(2) var<storage, read_write> y: array<u32>;       // (rows, length)
@group(0) @binding(3) var<storage, read_write> totals: array<u32>;  // (rows, blocks)

override floats: bool = true;
override reverse: bool = false;    // from the last element to the first
override exclusive: bool = false;  // without the element itself

// use: grid
// use: block
// use: plus

var<workgroup> sums: array<u32, lanes>;

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = block_of(workgroup_index(group, groups), params.blocks);
  if (block.row >= params.rows) { return; }
  let first = (block.index * lanes + lane) * each;
  let end = min(first + each, params.length);

  var sum = 0u;
  for (var i = first; i < end; i++) { sum = plus(sum, x[place(block.row, i)]); }
  sums[lane] = sum;
  for (var step = 1u; step < lanes; step *= 2u) {
    workgroupBarrier();
    let before = sums[max(lane, step) - step];
    workgroupBarrier();
    if (lane >= step) { sums[lane] = plus(before, sums[lane]); }
  }
  workgroupBarrier();

  var running = select(sums[max(lane, 1u) - 1u], 0u, lane == 0u);
  for (var i = first; i < end; i++) {
    let with_own = plus(running, x[place(block.row, i)]);
    y[place(block.row, i)] = select(with_own, running, exclusive);
    running = with_own;
  }
  if (lane == lanes - 1u) { totals[block.row * params.blocks + block.index] = sums[lane]; }
}

fn place(row: u32, i: u32) -> u32 {
  return row * params.length + select(i, params.length - 1u - i, reverse);
}
