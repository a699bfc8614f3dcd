/// What gradients of the given global norm are multiplied by so that it does not exceed `clip_norm`; 0 clips nothing.
fn clip_scale(norm: f32, clip_norm: f32) -> f32 {
  return select(1.0, min(1.0, clip_norm / (norm + 1e-6)), clip_norm > 0.0);
}
