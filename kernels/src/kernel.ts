/** A field of a kernel's uniform struct. */
export interface KernelParam<Name extends string = string> {
  readonly name: Name;
  /** u32, i32 or f32. */
  readonly type: string;
}

/** A storage binding of a kernel. */
export interface KernelBinding<Name extends string = string> {
  readonly index: number;
  readonly name: Name;
  /** read or read_write. */
  readonly access: string;
  readonly type: string;
}

/**
 * A compute kernel: WGSL source plus its interface, read from the source itself.
 *
 * `Params` are the fields of the uniform struct, `Binding` the names of the storage bindings, `Constant` the
 * pipeline-overridable constants; the three make a dispatch type-checked.
 */
export interface Kernel<Params extends Record<string, number>, Binding extends string, Constant extends string> {
  readonly name: string;
  readonly code: string;
  readonly entryPoint: string;
  readonly params: readonly KernelParam<keyof Params & string>[];
  readonly bindings: readonly KernelBinding<Binding>[];
  /** The overrides with their defaults. */
  readonly constants: Readonly<Record<Constant, number>>;
  /** Whether the kernel needs the `subgroups` feature. */
  readonly subgroups: boolean;
  /** Whether it needs `shader-f16`. */
  readonly f16: boolean;
}

/** A kernel whose interface is known at run time only. */
export type AnyKernel = Kernel<Record<string, number>, string, string>;
