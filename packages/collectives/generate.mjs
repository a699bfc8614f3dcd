// Compiles simd/kernels.ts to WebAssembly and writes src/arithmetic/simd-bytes.ts. There are two binaries of the same
// code: one over shared memory, and one for pages that are not isolated, which may not have any.
// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const source = new URL('simd/kernels.ts', import.meta.url);
const output = new URL('src/arithmetic/simd-bytes.ts', import.meta.url);

const text = readFileSync(source, 'utf8');
const stamp = createHash('sha256')
  .update(text)
  .update(readFileSync(new URL(import.meta.url)))
  .digest('hex');

/** @param {string} memory */
async function compile(memory) {
  const asc = await import('assemblyscript/asc');
  /** @type {Uint8Array | undefined} */
  let binary;
  const { error } = await asc.main(
    `kernels.ts --outFile kernels.wasm --runtime stub --noAssert -O3 --importMemory --enable simd,bulk-memory,threads ${memory}`.split(
      ' ',
    ),
    {
      readFile: (name) => (name === 'kernels.ts' ? text : null),
      writeFile: (name, contents) => void (name === 'kernels.wasm' && (binary = /** @type {Uint8Array} */ (contents))),
      listFiles: () => [],
      stderr: process.stderr,
    },
  );
  if (error || !binary) throw new Error(`${source.pathname}: ${error?.message ?? 'no binary'}\n${String(stderr)}`);
  return Buffer.from(binary).toString('base64');
}

// Compiling takes a second, and loading the compiler another: only where something has changed.
if (!existsSync(output) || !readFileSync(output, 'utf8').includes(stamp)) {
  const shared = await compile('--sharedMemory --initialMemory 1 --maximumMemory 65536');
  const unshared = await compile('--initialMemory 1');
  writeFileSync(
    output,
    `// Generated from simd/kernels.ts (${stamp}) by generate.mjs. Do not edit.
export const sharedBytes: string =
  '${shared}';
export const unsharedBytes: string =
  '${unshared}';
`,
  );
}
