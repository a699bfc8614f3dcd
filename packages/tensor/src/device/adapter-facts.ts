// What Lockstep needs to know of an adapter, and the one place where that decides which kernels run.

export interface AdapterFacts {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** The adapter is a software rasteriser on the CPU, where a barrier costs more than anything else. */
  readonly isCpu: boolean;
  readonly subgroups: boolean;
  /** Lanes that a subgroup has at the least; 0 without subgroups. */
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  readonly f16: boolean;
}

/**
 * A way of dividing a kernel's work. `portable`: registers only, no workgroup memory, no barrier. `subgroup`: lanes share
 * operands through subgroup operations. `tiled`: workgroups share tiles or row sums through workgroup memory.
 */
export type Family = 'portable' | 'subgroup' | 'tiled';

/** How kernels that reduce rows divide them: a lane to a row, or a workgroup. */
export type RowFamily = 'portable' | 'tiled';

/** Which family each kind of kernel takes. */
export interface Families {
  readonly matmul: Family;
  readonly attention: Family;
  readonly rows: RowFamily;
}

/** Reads the facts off an adapter. */
export function factsOf(adapter: GPUAdapter): AdapterFacts {
  const { vendor, architecture, description, device } = adapter.info;
  const subgroups = adapter.features.has('subgroups');
  return {
    vendor,
    architecture,
    description: [device, description].filter(Boolean).join(' '),
    isCpu:
      adapter.info.isFallbackAdapter ||
      /llvmpipe|swiftshader|lavapipe|basic render/i.test(`${architecture} ${device} ${description}`),
    subgroups,
    subgroupMinSize: subgroups ? adapter.info.subgroupMinSize : 0,
    subgroupMaxSize: subgroups ? adapter.info.subgroupMaxSize : 0,
    f16: adapter.features.has('shader-f16'),
  };
}

/** The families that share by subgroups, where the adapter's are as wide as the kernels need at the least. */
export function subgroupFamilies({ subgroupMinSize }: AdapterFacts): Families {
  const needing = (lanes: number): Family => (subgroupMinSize >= lanes ? 'subgroup' : 'portable');
  return { matmul: needing(8), attention: needing(4), rows: 'portable' };
}

/** Chooses the kernel families for an adapter. Depends on nothing else, so that every worker on such an adapter chooses alike. */
export function chooseFamilies(facts: AdapterFacts): Families {
  return facts.isCpu ? subgroupFamilies(facts) : { matmul: 'tiled', attention: 'tiled', rows: 'tiled' };
}
