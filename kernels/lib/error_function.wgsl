/// erf x: by its series within 1 of 0, beyond by the rational form of Abramowitz & Stegun 7.1.26. Needs ieee754.
fn error_function(x: f32) -> f32 {
  let s = x * x;
  var series = 1.0 / 76204800.0;
  series = -1.0 / 6894720.0 + s * series;
  series = 1.0 / 685440.0 + s * series;
  series = -1.0 / 75600.0 + s * series;
  series = 1.0 / 9360.0 + s * series;
  series = -1.0 / 1320.0 + s * series;
  series = 1.0 / 216.0 + s * series;
  series = -1.0 / 42.0 + s * series;
  series = 0.1 + s * series;
  series = -1.0 / 3.0 + s * series;
  let near = 1.1283791670955126 * x * (1.0 + s * series);
  let size = min(abs(x), 6.0);
  let t = 1.0 / (1.0 + 0.3275911 * size);
  let tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  let far = 1.0 - tail * exp(-size * size);
  return nan_if(is_nan(x), select(select(far, -far, x < 0.0), near, abs(x) < 1.0));
}
