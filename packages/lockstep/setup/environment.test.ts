import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { driverEnvironment, readDriver, swiftShader, writeDriver } from './environment.mjs';

describe('the chosen driver', () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'lockstep-environment-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  test('is remembered', () => {
    mkdirSync(join(folder, 'swiftshader'));
    writeDriver('swiftshader', folder);
    expect(readDriver(folder)).toBe('swiftshader');
    writeDriver('system', folder);
    expect(readDriver(folder)).toBe('system');
  });

  test("is the system's before any set-up, after a damaged one, and when the fetched driver is gone", () => {
    expect(readDriver(folder)).toBe('system');
    writeDriver('swiftshader', folder);
    expect(readDriver(folder)).toBe('system');
    writeFileSync(join(folder, 'adapter.json'), '{"driver":');
    expect(readDriver(folder)).toBe('system');
  });
});

describe('the environment', () => {
  test('of the system driver only silences a warning', () => {
    expect(driverEnvironment('system', {})).toEqual({ XDG_RUNTIME_DIR: tmpdir() });
  });

  test('of the fetched driver names its manifest and its loader', () => {
    const environment = driverEnvironment('swiftshader', { LD_LIBRARY_PATH: '/opt/lib' });
    expect(environment['VK_DRIVER_FILES']).toBe(join(swiftShader, 'vk_swiftshader_icd.json'));
    expect(environment['VK_ICD_FILENAMES']).toBe(environment['VK_DRIVER_FILES']);
    expect(environment['LD_LIBRARY_PATH']).toBe(`${swiftShader}:/opt/lib`);
  });

  test('applied twice is the same', () => {
    const once = driverEnvironment('swiftshader', {});
    expect(driverEnvironment('swiftshader', once)).toEqual(once);
  });

  test('leaves alone what the user has set', () => {
    const own = { XDG_RUNTIME_DIR: '/run/me', VK_DRIVER_FILES: '/mine.json', VK_ICD_FILENAMES: '/mine.json' };
    expect(driverEnvironment('swiftshader', own)).toMatchObject(own);
  });
});
