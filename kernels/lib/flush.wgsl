// WGSL leaves subnormals to the implementation. The canonical sum does not: they are zero before and after each
// addition, here as on the CPU, so that both give the same bits.
fn flush(x: f32) -> f32 {
  return select(x, 0.0, abs(x) < 1.17549435e-38);
}

fn add_flushed(a: f32, b: f32) -> f32 {
  return flush(flush(a) + flush(b));
}
