// Brings keys and places into the order of a digit of four bits; equal digits stay in their order (a round of radix sort; Knuth 1998,
// The Art of Computer Programming, volume 3, 5.2.5).
//
// A workgroup ranks its block: lanes count their digits, two counters in a word, and the counts of lanes before are added up.

// use: radix

@group(0) @binding(2) var<storage, read> places: array<u32>;              // (rows, length)
@group(0) @binding(3) var<storage, read> starts: array<u32>;              // (rows, 16, blocks): where a block's keys with a digit go
@group(0) @binding(4) var<storage, read_write> sorted_keys: array<u32>;   // (rows, length)
@group(0) @binding(5) var<storage, read_write> sorted_places: array<u32>; // (rows, length)

// use: grid
// use: block

var<workgroup> counts: array<u32, 8u * lanes>;
var<workgroup> sums: array<u32, lanes>;

/// Where a digit of a lane is counted.
fn counter(digit: u32, lane: u32) -> u32 {
  return digit / 2u * lanes + lane;
}

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let block = block_of(workgroup_index(group, groups), params.blocks);
  if (block.row >= params.rows) { return; }
  let row = block.row * params.length;
  let first = (block.index * lanes + lane) * each;
  let end = min(first + each, params.length);
  for (var i = first; i < end; i++) {
    let digit = digit_of(keys[row + i]);
    counts[counter(digit, lane)] += 1u << (16u * (digit % 2u));
  }
  add_up(lane);

  for (var i = first; i < end; i++) {
    let key = keys[row + i];
    let digit = digit_of(key);
    let at = counter(digit, lane);
    let half = 16u * (digit % 2u);
    let to = row + starts[(block.row * 16u + digit) * params.blocks + block.index] + ((counts[at] >> half) & 0xffffu);
    counts[at] += 1u << half;
    sorted_keys[to] = key;
    sorted_places[to] = places[row + i];
  }
}

/// Makes of each counter what the lanes before have counted: 32 lanes take the 256 counters of two digits, 8 each.
fn add_up(lane: u32) {
  workgroupBarrier();
  let from_counter = lane * 8u;
  var sum = 0u;
  for (var i = 0u; i < 8u; i++) { sum += counts[from_counter + i]; }
  sums[lane] = sum;
  for (var step = 1u; step < 32u; step *= 2u) {
    workgroupBarrier();
    let before = select(0u, sums[max(lane, step) - step], lane % 32u >= step);
    workgroupBarrier();
    sums[lane] += before;
  }
  var running = sums[lane] - sum;
  for (var i = 0u; i < 8u; i++) {
    let own = counts[from_counter + i];
    counts[from_counter + i] = running;
    running += own;
  }
  workgroupBarrier();
}
