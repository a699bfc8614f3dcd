// Rows in blocks of 2,048 elements, a workgroup for each; a lane takes `each` neighbouring ones.
override lanes: u32 = 256u;
override each: u32 = 8u;

/// Where a workgroup stands.
struct Block {
  row: u32,
  index: u32,  // in its row
}

fn block_of(workgroup: u32, blocks: u32) -> Block {
  return Block(workgroup / blocks, workgroup % blocks);
}
