// Loads libucp into the process before any thread uses it, and says what to install where there is none.

import { existsSync, readdirSync } from 'node:fs';
import { ConfigError } from '@lockstep/collectives';
import { api, loadUcp } from './libucp.ts';

const hint = 'hint: install it with `apt-get install libucx0`, or as `ucx` on other distributions';

/**
 * What UCX reads when it is loaded; what the user has set stands. It logs to stdout, where results go (`--json`), and by default
 * every lost peer; takes signals over that V8 needs (SIGSEGV is how WebAssembly notices bounds) and SIGHUP, which asks for an
 * end with care; offers its insides to a daemon (VFS); and rewrites malloc and munmap in memory to learn when registered memory
 * is freed: only RDMA registers any, and munmap is enough there.
 */
function quiet(): Record<string, string> {
  const hooks = hasRdmaDevice() ? {} : { UCX_MEM_EVENTS: 'n' };
  return {
    UCX_DEBUG_SIGNO: '0',
    UCX_ERROR_SIGNALS: '',
    UCX_LOG_FILE: 'stderr',
    UCX_LOG_LEVEL: 'fatal',
    UCX_MEM_MALLOC_HOOKS: 'n',
    UCX_MEM_MALLOC_RELOC: 'n',
    UCX_VFS_ENABLE: 'n',
    ...hooks,
  };
}

/** Whether there is an InfiniBand or RoCE device, whatever UCX makes of it. */
export function hasRdmaDevice(): boolean {
  const folder = '/sys/class/infiniband';
  return existsSync(folder) && readdirSync(folder).length > 0;
}

/**
 * @returns the version, e.g. 1.13.1
 * @throws {ConfigError} code CONFIG, where the library is missing or too old
 */
export function loadLibrary(path: string): string {
  const version = load(path);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major === api.major && minor >= api.minor) return version;
  throw new ConfigError(
    `ucx: expected UCX ${api.major}.${api.minor} or a later ${api.major}.x, got ${version}\n${hint}`,
  );
}

function load(path: string): string {
  const unset = Object.entries(quiet()).filter(([name]) => process.env[name] === undefined);
  for (const [name, value] of unset) process.env[name] = value;
  try {
    return loadUcp(path).version();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConfigError(
      `ucx: expected UCX ${api.major}.${api.minor} or later in ${path}, got none (${reason})\n${hint}`,
    );
  } finally {
    for (const [name] of unset) delete process.env[name];
  }
}

/** UCX's words for a status. */
export function statusText(path: string, status: number): string {
  return loadUcp(path).statusString(status);
}
