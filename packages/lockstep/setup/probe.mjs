// A program of its own: opens WebGPU, lets the adapter compute something, and prints what it is as one line of JSON.
// A driver that crashes takes only this process with it. `report.mjs` runs it.
// @ts-check

/** @typedef {import('./report.mjs').Report} Report */

/** Kept for the life of the process: Dawn crashes once it is collected. @type {GPU | undefined} */
let gpu;

/** @returns {Promise<Report>} */
async function probe() {
  const { create, globals } = await import('webgpu');
  Object.assign(globalThis, globals);
  gpu = create([]);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) return { adapter: null, reason: 'no Vulkan driver that Dawn can use' };
  const answer = await compute(await adapter.requestDevice());
  if (answer !== 42) return { adapter: null, reason: `${adapter.info.device} computed ${answer} instead of 42` };
  return describe(adapter);
}

/** @param {GPUAdapter} adapter @returns {Report} */
function describe({ info, limits, features }) {
  /** @type {Record<string, number>} */
  const numbers = {};
  for (const name in limits) numbers[name] = Number(limits[/** @type {'maxBufferSize'} */ (name)]);
  return {
    adapter: info.device || info.description,
    vendor: info.vendor,
    architecture: info.architecture,
    description: info.description,
    driver: info.description,
    isCpu: info.isFallbackAdapter || info.architecture === 'swiftshader' || info.architecture === 'software',
    limits: numbers,
    features: Array.from(features).toSorted(),
  };
}

/** One multiplication on the device. @param {GPUDevice} device */
async function compute(device) {
  const code = `
    @group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(1) fn main() { x[0] = x[0] * 7.0; }`;
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module } });
  const x = device.createBuffer({
    size: 4,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  const copy = device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(x, 0, new Float32Array([6]));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: x } }],
    }),
  );
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(x, 0, copy, 0, 4);
  device.queue.submit([encoder.finish()]);
  await copy.mapAsync(GPUMapMode.READ);
  return new Float32Array(copy.getMappedRange())[0];
}

const report = await probe().catch((error) => ({
  adapter: null,
  reason: String(error.message ?? error).split('\n')[0],
}));
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
