/**
 * What jax-js and tfjs expect of a page and Node lacks: `navigator.gpu` and the WebGPU globals (Dawn, from the
 * `webgpu` package), and Iterator helpers. Import it before the library: tfjs looks for `navigator.gpu` as it loads.
 */
import { create, globals } from 'webgpu';
import { polyfillIteratorHelpers } from './iterator-helpers.ts';
import { describeAdapter } from './peer.ts';

polyfillIteratorHelpers();
Object.assign(globalThis, globals);

// Held by `navigator` for the life of the process: Dawn crashes later, elsewhere, if this object is collected.
const gpu = create([]);

// Node 20 has no navigator; later ones have one without gpu.
globalThis.navigator ??= { userAgent: 'Node.js' } as Navigator;
Object.defineProperty(navigator, 'gpu', { value: gpu });

let handedOut: GPUAdapter | null = null;
const request = gpu.requestAdapter.bind(gpu);
gpu.requestAdapter = async (options) => (handedOut = await request(options));

/** The adapter that the library asked for and got. */
export function adapterInUse(): string {
  if (!handedOut) throw new Error('bench: the library runs on no WebGPU adapter');
  return describeAdapter(handedOut.info);
}
