// @ts-check
// How every file here ends the run early, and folders that are gone afterwards.

import { mkdtempSync, rmSync } from 'node:fs';

/** The exit code where something is missing, or the guest died. */
export const broken = 2;

/** @param {string} line @returns {never} */
export function stop(line) {
  console.error(`rdma-vm: ${line}`);
  process.exit(broken);
}

/** A folder that goes when this process does, however it ends. @param {string} prefix */
export function temporaryFolder(prefix) {
  const folder = mkdtempSync(prefix);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
