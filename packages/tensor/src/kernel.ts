// Kernels that users bring: WGSL from a string or a file, read at run time by the parser that types the built-in ones.
import { type AnyKernel, KernelError, parseKernel } from '@lockstep/kernels';

export { KernelError };

export interface KernelOptions {
  /** What errors and profiles call it; the file's name, or `kernel`, unless given. */
  readonly name?: string;
}

/**
 * A kernel of one's own, for {@link Device.run}: its bindings, parameters and overrides are read from the text. Pipelines are kept by text
 * and constants, so a changed text is a new kernel whatever its name.
 *
 * ```ts
 * const double = kernel(`
 *   struct Params { size: u32 }
 *   @group(0) @binding(0) var<uniform> params: Params;
 *   @group(0) @binding(1) var<storage, read_write> x: array<f32>;
 *   @compute @workgroup_size(64)
 *   fn main(@builtin(global_invocation_id) id: vec3u) {
 *     if (id.x < params.size) { x[id.x] *= 2.0; }
 *   }`);
 * device.run(double, { x }, { size: x.size }, [Math.ceil(x.size / 64)]);
 * ```
 * @param source WGSL, or where a file of it lies, as `new URL('./my.wgsl', import.meta.url)`
 * @throws {KernelError} for a text without an entry point, or with bindings that cannot be read
 */
export function kernel(source: string | URL, { name }: KernelOptions = {}): AnyKernel {
  if (typeof source === 'string') return parseKernel(name ?? 'kernel', source);
  return parseKernel(name ?? nameOf(source), textAt(source));
}

/** `my_kernel.wgsl` is `myKernel`. */
function nameOf({ pathname }: URL): string {
  const file = decodeURIComponent(pathname)
    .split('/')
    .at(-1)!
    .replace(/\.wgsl$/, '');
  return file.replace(/[_-](\w)/g, (_, letter: string) => letter.toUpperCase()) || 'kernel';
}

/** Read at once, as an op's definition is: the file is part of the program. */
function textAt(url: URL): string {
  return url.protocol === 'file:' ? textOfFile(url) : textFromNetwork(url);
}

/** Node's own way to its modules, which needs no import that a browser would not have. */
interface NodeProcess {
  getBuiltinModule?(id: 'node:fs'): { readFileSync(path: URL, encoding: 'utf8'): string };
}

function textOfFile(url: URL): string {
  const { process } = globalThis as { process?: NodeProcess };
  const fs = process?.getBuiltinModule?.('node:fs');
  if (!fs) throw new KernelError(`kernel: expected Node 20.16 or newer to read a file, got ${url.href}`);
  try {
    return fs.readFileSync(url, 'utf8');
  } catch (cause) {
    throw new KernelError(`kernel: expected a file of WGSL, got ${String(cause)}`, { cause });
  }
}

function textFromNetwork(url: URL): string {
  const request = new XMLHttpRequest();
  request.open('GET', url, false);
  request.send();
  if (request.status !== 200 && request.status !== 0)
    throw new KernelError(`kernel: expected a file of WGSL at ${url.href}, got status ${request.status}`);
  return request.responseText;
}
