// Which keys a query sees, and what becomes of a score before softmax. Query t stands at place t + start among the keys.
override causal: bool = false;    // it sees the key at its place, and those before
override windowed: bool = false;  // and only those fewer than `window` places away
override padded: u32 = 0u;        // 0: all rows count; 1: of a batch's keys only so many as its length; 2: of its queries, too
override masked: u32 = 0u;        // 0: no mask; 1: words, 0 hides; 2: numbers added to scores, of which -1e30 and less hide

/// The keys that a query may see, a mask aside: from x on, before y.
fn keys_seen_by(row: u32, length: u32) -> vec2u {
  let at = i32(row) + params.start;
  var from_key = 0;
  var end = i32(params.keys);
  if (causal) { end = min(end, at + 1); }
  if (windowed) {
    from_key = max(0, at - params.window + 1);
    end = min(end, at + params.window);
  }
  if (padded > 0u) { end = min(end, i32(length)); }
  if (padded == 2u && row >= length) { end = 0; }
  return vec2u(u32(from_key), u32(max(end, from_key)));
}

/// The keys that some query from row `first` to row `last` may see.
fn keys_seen_by_rows(first: u32, last: u32, length: u32) -> vec2u {
  if (padded < 2u) { return vec2u(keys_seen_by(first, length).x, keys_seen_by(last, length).y); }
  if (first >= length) { return vec2u(); }
  return vec2u(keys_seen_by(first, length).x, keys_seen_by(min(last, length - 1u), length).y);
}

/// The queries that may see a key, a mask aside: from row x on, before y.
fn queries_that_see(key: u32, length: u32) -> vec2u {
  let at = i32(key) - params.start;
  var from_row = 0;
  var end = i32(params.tokens);
  if (windowed) {
    from_row = max(0, at - params.window + 1);
    end = min(end, at + params.window);
  }
  if (causal) { from_row = max(from_row, at); }
  if (padded == 2u) { end = min(end, i32(length)); }
  if (padded > 0u && key >= length) { end = 0; }
  return vec2u(u32(from_row), u32(max(end, from_row)));
}

/// The queries that may see some key from `first` to `last`.
fn queries_that_see_keys(first: u32, last: u32, length: u32) -> vec2u {
  if (padded == 0u) { return vec2u(queries_that_see(first, length).x, queries_that_see(last, length).y); }
  if (first >= length) { return vec2u(); }
  return vec2u(queries_that_see(first, length).x, queries_that_see(min(last, length - 1u), length).y);
}

/// Whether an index lies in a range.
fn is_within(index: u32, range: vec2u) -> bool {
  return index >= range.x && index < range.y;
}

fn are_within(indices: vec4u, range: vec2u) -> vec4<bool> {
  return (indices >= vec4u(range.x)) & (indices < vec4u(range.y));
}

/// Whether words of the mask let keys be seen.
fn shown(words: vec4u) -> vec4<bool> {
  if (masked == 1u) { return words != vec4u(0u); }
  return (words < vec4u(0xf149f2cau)) | (words > vec4u(0xff800000u));
}

/// What words of the mask add to scores.
fn added(words: vec4u) -> vec4f {
  return select(vec4f(), bitcast<vec4f>(words), vec4<bool>(masked == 2u));
}

fn four_capped(scores: vec4f, cap: f32) -> vec4f {
  return vec4f(capped_score(scores.x, cap), capped_score(scores.y, cap), capped_score(scores.z, cap), capped_score(scores.w, cap));
}

/// The slope of the cap, where it gave these scores.
fn slope_of_cap(scores: vec4f, cap: f32) -> vec4f {
  if (!capped) { return vec4f(1.0); }
  return 1.0 - (scores / cap) * (scores / cap);
}
