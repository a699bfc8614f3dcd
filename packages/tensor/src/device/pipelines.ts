// Compute pipelines, each compiled once per text and constants: never by name, since users' kernels may have any. Compilation starts when a dispatch is first
// recorded and goes on in parallel and in the background; `ready` is awaited before the commands are encoded.
import type { AnyKernel } from '@lockstep/kernels';
import { DeviceError } from '@lockstep/errors';

export interface Pipeline {
  readonly kernel: AnyKernel;
  readonly layout: GPUBindGroupLayout;
  /** Set once compiled. */
  compiled: GPUComputePipeline | undefined;
  /** Set once the driver has refused the kernel. */
  failure: DeviceError | undefined;
}

export class Pipelines {
  readonly #device: GPUDevice;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #layouts = new Map<string, GPUBindGroupLayout>();
  readonly #pipelines = new Map<string, Map<string, Pipeline>>();
  readonly #compiling = new Set<Promise<void>>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get(kernel: AnyKernel, constants: Record<string, number>): Pipeline {
    const ofText = this.#pipelines.get(kernel.code) ?? new Map<string, Pipeline>();
    this.#pipelines.set(kernel.code, ofText);
    const key = JSON.stringify(constants);
    let pipeline = ofText.get(key);
    if (!pipeline) ofText.set(key, (pipeline = this.#start(kernel, constants)));
    return pipeline;
  }

  /** Resolves when every pipeline asked for so far is compiled or refused. */
  async ready(): Promise<void> {
    while (this.#compiling.size > 0) await Promise.all(this.#compiling);
  }

  get areCompiling(): boolean {
    return this.#compiling.size > 0;
  }

  #start(kernel: AnyKernel, constants: Record<string, number>): Pipeline {
    const layout = this.#layout(kernel);
    const pipeline: Pipeline = { kernel, layout, compiled: undefined, failure: undefined };
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
        compute: { module: this.#module(kernel), entryPoint: kernel.entryPoint, constants },
      });
    } catch (cause) {
      // The compiler's own words, which tell the line, come with the module; the promise's only sum them up.
      const said = await this.#complaints(kernel);
      pipeline.failure = new DeviceError(`${kernel.name}: the driver refused the kernel: ${said || String(cause)}`, {
        cause,
      });
    }
  }

  async #complaints(kernel: AnyKernel): Promise<string> {
    const { messages } = await this.#module(kernel).getCompilationInfo();
    const errors = messages.filter(({ type }) => type === 'error');
    return errors.map(({ lineNum, linePos, message }) => `line ${lineNum}:${linePos}: ${message}`).join('; ');
  }

  #module(kernel: AnyKernel): GPUShaderModule {
    let module = this.#modules.get(kernel.code);
    if (!module) {
      // What is wrong with the text is told with the pipeline, by name; it is no failure of the device.
      this.#device.pushErrorScope('validation');
      module = this.#device.createShaderModule({ label: kernel.name, code: kernel.code });
      void this.#device.popErrorScope();
      this.#modules.set(kernel.code, module);
    }
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
