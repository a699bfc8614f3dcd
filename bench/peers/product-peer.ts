/** The seam between the benchmark of products and the libraries it times. */

/** One library's product of two square matrices of f32, again and again. */
export interface PreparedProduct {
  /** By `describeAdapter`; nothing where the library does not tell. */
  adapter?: string;
  /**
   * a·b·b…, with so many products, each of which needs the one before, so that none can be skipped; resolves to the first row, read back.
   */
  chain(products: number): Promise<Float32Array>;
  finish?(): void | Promise<void>;
}

export interface ProductPeer {
  prepare(n: number, a: Float32Array, b: Float32Array): Promise<PreparedProduct>;
}

/** What a library took for a product of n × n matrices. */
export interface ProductRow {
  n: number;
  /** Microseconds of a product, the median of five chains. */
  us: number;
  /** Products of a chain. */
  count: number;
  /** The first row of a chain's result. */
  row: number[];
}

const load = {
  lockstep: async () => (await import('./products/lockstep.ts')).lockstep,
  'jax-js': async () => (await import('./products/jax-js.ts')).jaxJs,
  tfjs: async () => (await import('./products/tfjs.ts')).tfjs,
  onnxruntime: async () => (await import('./products/onnxruntime.ts')).onnxRuntime,
} satisfies Record<string, () => Promise<ProductPeer>>;

export type ProductPeerName = keyof typeof load;

export const productPeerNames = Object.keys(load) as ProductPeerName[];

/** Loads one library and no other, so that a process holds only what it times. */
export const loadProductPeer = (name: ProductPeerName): Promise<ProductPeer> => load[name]();
