// Sine and cosine with all their digits on every driver: WGSL promises an absolute error of 2⁻¹¹ only. The argument is brought within
// π/4 of 0 by subtracting a multiple of π/2 in three parts (Cody & Waite 1980); polynomials of Moshier's Cephes. Needs ieee754.
fn sine_and_cosine(x: f32) -> vec2f {
  let quarter = round(x * 0.6366197723675814);
  let r = ((x - quarter * 1.5703125) - quarter * 4.837512969970703e-4) - quarter * 7.549789948768648e-8;
  let s = r * r;
  let sine = r + r * s * (-1.6666654611e-1 + s * (8.3321608736e-3 - s * 1.9515295891e-4));
  let cosine = 1.0 - 0.5 * s + s * s * (4.166664568298827e-2 + s * (-1.388731625493765e-3 + s * 2.443315711809948e-5));
  let turn = u32(i32(clamp(quarter, -2147483000.0, 2147483000.0))) & 3u;
  let turned = select(vec2f(sine, cosine), vec2f(cosine, -sine), (turn & 1u) == 1u);
  return select(turned, -turned, (turn & 2u) == 2u);
}

fn sine(x: f32) -> f32 { return nan_if(is_unsound(x), sine_and_cosine(x).x); }
fn cosine(x: f32) -> f32 { return nan_if(is_unsound(x), sine_and_cosine(x).y); }
