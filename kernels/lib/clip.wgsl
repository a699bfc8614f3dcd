/// What gradients of the given global norm are multiplied by so that it does not exceed `clip_norm`; 0 clips nothing. Where
/// they are clipped, a norm that is NaN makes the scale NaN, and an infinite one makes it 0.
fn clip_scale(norm: f32, clip_norm: f32) -> f32 {
  let clips = clip_norm > 0.0;
  return nan_if(clips && is_nan(norm), select(1.0, min(1.0, clip_norm / (norm + 1e-6)), clips));
}
