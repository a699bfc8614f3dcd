import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { jobEnvironment, meetingFromEnvironment, takeToken } from './job-environment.ts';

const hub = { url: 'ws://127.0.0.1:1', job: 'moby' };

afterEach(() => {
  vi.unstubAllEnvs();
  Reflect.deleteProperty(globalThis, Symbol.for('lockstep.token'));
});

/** A descriptor from which `text` can be read. */
function descriptorOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-token-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'token'), text);
  return String(openSync(join(folder, 'token'), 'r'));
}

test('what a launcher puts into the environment of a worker holds no secret', () => {
  const environment = jobEnvironment({ hub, bridge: 'ws', workers: 2 });
  expect(environment).toEqual({
    LOCKSTEP_HUB: hub.url,
    LOCKSTEP_JOB: 'moby',
    LOCKSTEP_BRIDGE: 'ws',
    LOCKSTEP_TOKEN_FD: '3',
  });
});

test('a token in the environment is taken out of it, and known to all who ask later', () => {
  vi.stubEnv('LOCKSTEP_TOKEN', 'secret');
  takeToken();
  expect(process.env['LOCKSTEP_TOKEN']).toBeUndefined();
  expect(meetingFromEnvironment('worker', hub.url)).toMatchObject({ token: 'secret' });
  expect(meetingFromEnvironment('worker', hub.url)).toMatchObject({ token: 'secret' });
});

test('a token at a descriptor is read once, and taken before one that was inherited from another job', () => {
  vi.stubEnv('LOCKSTEP_TOKEN', 'of another job');
  vi.stubEnv('LOCKSTEP_TOKEN_FD', descriptorOf('secret'));
  expect(meetingFromEnvironment('worker', hub.url)).toMatchObject({ token: 'secret' });
  expect([process.env['LOCKSTEP_TOKEN'], process.env['LOCKSTEP_TOKEN_FD']]).toEqual([undefined, undefined]);
});

test('a descriptor with nothing to read is one clear line', () => {
  vi.stubEnv('LOCKSTEP_TOKEN_FD', '987');
  expect(() => takeToken()).toThrow(
    expect.objectContaining({ code: 'CONFIG', message: expect.stringContaining('got none at 987') }),
  );
});
