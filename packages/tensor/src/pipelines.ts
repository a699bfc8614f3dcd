// Compute pipelines, each compiled once per (kernel, constants). Compilation starts when a dispatch is first
// recorded and goes on in parallel and in the background; `ready` is awaited before the commands are encoded.
import type { Kernel } from '@lockstep/kernels';
import { DeviceError } from './errors.ts';

type AnyKernel = Kernel<Record<string, number>, string, string>;

export interface Pipeline {
  readonly kernel: AnyKernel;
  readonly layout: GPUBindGroupLayout;
  /** Set once compiled. */
  compiled: GPUComputePipeline | undefined;
}

export class Pipelines {
  readonly #device: GPUDevice;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Pipeline>();
  readonly #compiling = new Set<Promise<void>>();
  #failure: DeviceError | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get(kernel: AnyKernel, constants: Record<string, number>): Pipeline {
    const key = `${kernel.name} ${JSON.stringify(constants)}`;
    let pipeline = this.#pipelines.get(key);
    if (!pipeline) this.#pipelines.set(key, (pipeline = this.#start(kernel, constants)));
    return pipeline;
  }

  /**
   * Resolves when every pipeline asked for so far is compiled.
   * @throws {DeviceError} naming the kernel that the driver refused.
   */
  async ready(): Promise<void> {
    while (this.#compiling.size > 0) await Promise.all(this.#compiling);
    if (this.#failure) throw this.#failure;
  }

  get areCompiling(): boolean {
    return this.#compiling.size > 0;
  }

  #start(kernel: AnyKernel, constants: Record<string, number>): Pipeline {
    const layout = this.#layout(kernel);
    const pipeline: Pipeline = { kernel, layout, compiled: undefined };
    const job = this.#compile(pipeline, constants).finally(() => this.#compiling.delete(job));
    this.#compiling.add(job);
    return pipeline;
  }

  async #compile(pipeline: Pipeline, constants: Record<string, number>): Promise<void> {
    const { kernel, layout } = pipeline;
    try {
      pipeline.compiled = await this.#device.createComputePipelineAsync({
        label: kernel.name,
        layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module: this.#module(kernel), entryPoint: 'main', constants },
      });
    } catch (cause) {
      this.#failure ??= new DeviceError(`${kernel.name}: the driver refused the kernel: ${String(cause)}`, { cause });
    }
  }

  #module(kernel: AnyKernel): GPUShaderModule {
    let module = this.#modules.get(kernel.name);
    if (!module)
      this.#modules.set(
        kernel.name,
        (module = this.#device.createShaderModule({ label: kernel.name, code: kernel.code })),
      );
    return module;
  }

  /** Written out from the kernel's own declarations, so that kernels with the same bindings share a layout. */
  #layout(kernel: AnyKernel): GPUBindGroupLayout {
    const entries = kernel.bindings.map(({ index, access }) => ({
      binding: index,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type: access === 'read' ? ('read-only-storage' as const) : ('storage' as const) },
    }));
    const uniform = { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: 'uniform' as const } };
    const key = `${kernel.params.length > 0} ${entries.map(({ binding, buffer }) => `${binding} ${buffer.type}`).join()}`;
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.#device.createBindGroupLayout({
        label: kernel.name,
        entries: kernel.params.length > 0 ? [uniform, ...entries] : entries,
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}
