// WebGPU in Node: Dawn, through the `webgpu` package.
import { create, globals } from 'webgpu';
import { Device } from '../device/device.ts';
import type { DeviceOptions } from '../device/device-options.ts';
import { governPump } from './pump.ts';

// Dawn crashes, later and elsewhere, when the instance is collected: it is kept for the life of the process.
let instance: GPU | undefined;

/**
 * Dawn's entry point, with the WebGPU names made global and its polling governed. One per process: whether it offers what is experimental
 * is for the first call to say.
 */
export function gpu({ experimental = false }: { readonly experimental?: boolean } = {}): GPU {
  if (!instance) {
    Object.assign(globalThis, globals);
    governPump({ spinMs: 0 });
    const unsafe = experimental ? ['enable-dawn-features=allow_unsafe_apis'] : [];
    instance = create(['disable-dawn-features=timestamp_quantization', ...unsafe]);
  }
  return instance;
}

/**
 * Opens the best adapter of this machine.
 * @throws {DeviceError} when there is none.
 */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  return Device.open(gpu({ experimental: options.experimental !== undefined }), options);
}
