// WGSL leaves subnormals to the implementation. The canonical sum does not: they are zero before and after each
// addition, here as on the CPU, so that both give the same bits. So it is with NaN, of which there are many: each is 0x7fc00000.
fn flush(x: f32) -> f32 {
  return bitcast<f32>(select(bitcast<u32>(x), 0u, magnitude_bits(x) < 0x00800000u));
}

fn flush_four(x: vec4f) -> vec4f {
  return bitcast<vec4f>(select(bitcast<vec4u>(x), vec4u(0u), magnitude_bits_of_four(x) < vec4u(0x00800000u)));
}

fn add_flushed(a: f32, b: f32) -> f32 {
  let sum = flush(flush(a) + flush(b));
  return nan_if(is_nan(sum), sum);
}

fn add_flushed_four(a: vec4f, b: vec4f) -> vec4f {
  let sum = flush_four(flush_four(a) + flush_four(b));
  return four_nan_if(magnitude_bits_of_four(sum) > vec4u(infinity_bits), sum);
}
