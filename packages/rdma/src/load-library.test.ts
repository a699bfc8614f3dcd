import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { loadLibrary } from './load-library.ts';

test.each(['libucp-that-is-not-there.so.0', 'libc.so.6'])('says what to install where %s is no libucp', (path) => {
  const error = expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('hint: install it with') });
  expect(() => loadLibrary(path)).toThrow(error);
});

test('leaves the environment as it was', () => {
  const before = { ...process.env };
  expect(() => loadLibrary('libucp-that-is-not-there.so.0')).toThrow();
  expect({ ...process.env }).toEqual(before);
});

test.skipIf(!hasUcx())('what UCX has to say goes to stderr: stdout is for results', async () => {
  const program = `
    import { openUcx } from '@lockstep/rdma';
    const ucx = await openUcx();
    await ucx.close();
    console.log('{}');`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, UCX_LOG_LEVEL: 'info' },
  });
  expect(stdout).toBe('{}\n');
  expect(stderr).toMatch(/UCX +INFO/);
});

function hasUcx(): boolean {
  try {
    return loadLibrary('libucp.so.0') !== '';
  } catch {
    return false;
  }
}
