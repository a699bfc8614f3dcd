// A device that computes nothing and takes no memory, with the adapter facts and limits of one that would: what is recorded on it tells how
// much memory it will take there.
import { Device } from './device.ts';

/**
 * A twin of a device on which work may be recorded and captured as on the device itself. Its `stats` are what the device's would
 * be; nothing can be read.
 */
export function planningDevice(device: Device): Device {
  return new Device(fakeGpu(device.gpu), device.facts, { limits: device.limits });
}

/** What a `Device` calls of WebGPU until something is to be read. */
export function fakeGpu({ limits, features }: Pick<GPUDevice, 'limits' | 'features'>): GPUDevice {
  const nothing = (): object => ({});
  const fake = {
    limits,
    features,
    lost: new Promise<never>(() => undefined),
    addEventListener: nothing,
    createBuffer: ({ size, label, mappedAtCreation }: GPUBufferDescriptor) => ({
      size,
      label,
      destroy: nothing,
      unmap: nothing,
      getMappedRange: (_offset: number, bytes: number) => new ArrayBuffer(mappedAtCreation ? bytes : 0),
    }),
    createBindGroupLayout: nothing,
    createPipelineLayout: nothing,
    createShaderModule: nothing,
    createBindGroup: nothing,
    createComputePipelineAsync: () => Promise.resolve({}),
    pushErrorScope: nothing,
    popErrorScope: () => Promise.resolve(null),
    queue: { writeBuffer: nothing, submit: nothing, onSubmittedWorkDone: () => Promise.resolve() },
    createCommandEncoder: () => ({
      beginComputePass: () => ({
        setPipeline: nothing,
        setBindGroup: nothing,
        dispatchWorkgroups: nothing,
        end: nothing,
      }),
      copyBufferToBuffer: nothing,
      finish: nothing,
    }),
    destroy: nothing,
  };
  return fake as unknown as GPUDevice;
}
