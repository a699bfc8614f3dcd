// What WebGPU finds on this machine, asked of a child process: the answer to "is there an adapter, and which?".
// @ts-check

import { fileURLToPath } from 'node:url';
import { command, CommandError } from './command.mjs';
import { driverEnvironment, readDriver } from './environment.mjs';

/**
 * @typedef {{ adapter: null, reason: string }} NoAdapter
 * @typedef {object} Adapter
 * @property {string} adapter the device's name
 * @property {string} vendor
 * @property {string} architecture
 * @property {string} description
 * @property {string} driver name and version of the driver
 * @property {boolean} isCpu true where the adapter is a program on the CPU
 * @property {Record<string, number>} limits WebGPU's supported limits
 * @property {string[]} features WebGPU's feature names
 * @typedef {Adapter | NoAdapter} Report
 */

/**
 * Asks a new process for the adapter a Lockstep process would get; it never throws and never hangs.
 * @param {import('./environment.mjs').Driver} [driver] the one set-up has chosen if not given
 * @returns {Promise<Report>}
 */
export async function reportAdapter(driver = readDriver()) {
  const program = fileURLToPath(new URL('probe.mjs', import.meta.url));
  try {
    const output = await command(process.execPath, [program], { env: driverEnvironment(driver), timeout: 60_000 });
    return JSON.parse(output.trim().split('\n').at(-1) ?? '');
  } catch (error) {
    const reason = error instanceof CommandError ? `the probe ended with ${error.message}` : 'the probe gave no answer';
    return { adapter: null, reason };
  }
}
