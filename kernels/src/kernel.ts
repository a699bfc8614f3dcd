/**
 * A compute kernel: WGSL source plus its interface, read from the source itself.
 *
 * `Params` are the fields of the uniform struct, `Binding` the names of the storage bindings, `Constant` the
 * pipeline-overridable constants; the three make a dispatch type-checked.
 */
export interface Kernel<Params extends Record<string, number>, Binding extends string, Constant extends string> {
  readonly name: string;
  readonly code: string;
  readonly params: readonly { readonly name: keyof Params & string; readonly type: string }[];
  readonly bindings: readonly {
    readonly index: number;
    readonly name: Binding;
    readonly access: string;
    readonly type: string;
  }[];
  /** The overrides with their defaults. */
  readonly constants: Readonly<Record<Constant, number>>;
  /** Whether the kernel needs the `subgroups` feature. */
  readonly subgroups: boolean;
}
