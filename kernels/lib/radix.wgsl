// What the kernels of a round of radix sort are told: the digit of four bits by which they sort, and where rows and their blocks end.
struct Params {
  rows: u32,
  length: u32,  // of a row
  blocks: u32,  // of a row
  shift: u32,   // of the digit
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> keys: array<u32>;  // (rows, length)

fn digit_of(key: u32) -> u32 {
  return (key >> params.shift) & 15u;
}
