// A page's own WebGPU.
import { Device, DeviceError, type DeviceOptions } from '@lockstep/tensor';

/** Opens the best adapter that the browser offers. @throws {DeviceError} when there is none. */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  const { gpu } = navigator as { readonly gpu?: GPU };
  if (!gpu) throw new DeviceError('device: expected a browser with WebGPU, got one without navigator.gpu');
  return Device.open(gpu, options);
}
