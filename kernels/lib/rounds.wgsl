// Elementwise kernels: each lane takes several items (an element, or four), because starting a lane costs a CPU adapter
// as much as working on some items. Neighbouring lanes take neighbouring items.
override lanes: u32 = 64u;
override rounds: u32 = 4u;

/// The item that a lane takes in a round.
fn item_index(workgroup: u32, round: u32, lane: u32) -> u32 {
  return (workgroup * rounds + round) * lanes + lane;
}
