// y = sum over cached keys j <= position of softmax(scale q . k[j]) v[j], for one query row per sequence and head. Of the keys only the last
// `window` count, and a score may have a cap.
//
// One workgroup per head of a sequence. Each lane goes through every lanes-th key with an online softmax of its own;
// then the lanes' sums are brought to a common maximum and added in the order of the lanes.

struct Params {
  batches: u32,
  context: u32,
  heads: u32,
  kv_heads: u32,
  scale: f32,
  window: u32,  // at least 1
  cap: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> qkv: array<f32>;        // (batches, heads + 2 kv_heads, head_size)
@group(0) @binding(2) var<storage, read> cache: array<f32>;      // (batches, context, 2, kv_heads, head_size)
@group(0) @binding(3) var<storage, read> position: array<u32>;   // (1)
@group(0) @binding(4) var<storage, read_write> y: array<f32>;    // (batches, heads, head_size)

override head_size: u32 = 32u;  // at most 256
override lanes: u32 = 32u;

var<workgroup> maxima: array<f32, lanes>;
var<workgroup> totals: array<f32, lanes>;
var<workgroup> sums: array<f32, lanes * head_size>;

// use: grid
// use: ieee754
// use: hyperbolic
// use: capped_score

@compute @workgroup_size(lanes)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = workgroup_index(group, groups);
  let head = index % params.heads;
  let batch = index / params.heads;
  if (batch >= params.batches) { return; }
  let query = (batch * (params.heads + 2u * params.kv_heads) + head) * head_size;
  var q: array<f32, 256>;
  for (var d = 0u; d < head_size; d++) { q[d] = params.scale * qkv[query + d]; }

  let width = 2u * params.kv_heads * head_size;
  let keys = batch * params.context * width + head * params.kv_heads / params.heads * head_size;
  var sum: array<f32, 256>;
  var total = 0.0;
  var most = -1e30;
  let last = min(position[0], params.context - 1u);
  for (var j = last + 1u - min(last + 1u, params.window) + lane; j <= last; j += lanes) {
    let key = keys + j * width;
    var score = 0.0;
    for (var d = 0u; d < head_size; d++) { score += q[d] * cache[key + d]; }
    score = capped_score(score, params.cap);
    let next = maximum(most, score);
    let shrink = exp(most - next);
    let p = exp(score - next);
    most = next;
    total = total * shrink + p;
    for (var d = 0u; d < head_size; d++) { sum[d] = sum[d] * shrink + p * cache[key + width / 2u + d]; }
  }
  maxima[lane] = most;
  totals[lane] = total;
  for (var d = 0u; d < head_size; d++) { sums[lane * head_size + d] = sum[d]; }
  workgroupBarrier();

  for (var from_lane = 0u; from_lane < lanes; from_lane++) { most = maximum(most, maxima[from_lane]); }
  total = 0.0;
  for (var from_lane = 0u; from_lane < lanes; from_lane++) { total += totals[from_lane] * exp(maxima[from_lane] - most); }
  for (var d = lane; d < head_size; d += lanes) {
    var merged = 0.0;
    for (var from_lane = 0u; from_lane < lanes; from_lane++) {
      merged += sums[from_lane * head_size + d] * exp(maxima[from_lane] - most);
    }
    y[index * head_size + d] = nan_if(is_unsound(most) || total == 0.0, merged / total);
  }
}
