// Installs UCX's library, which only the UCX bridge needs, where the distribution has it as a package.
// @ts-check

import { existsSync } from 'node:fs';
import { openApt } from './apt.mjs';
import { CommandError } from './command.mjs';
import { Notice } from './step.mjs';

const multiarch = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
const folders = [`/usr/lib/${multiarch}`, '/usr/lib64', '/usr/lib', '/usr/local/lib'];

/** @returns {string | undefined} path of the library */
function findUcx() {
  return folders.map((folder) => `${folder}/libucp.so.0`).find((path) => existsSync(path));
}

/** @returns {Promise<string | Notice>} what was done */
export async function installUcx() {
  const found = findUcx();
  if (found !== undefined) return found;
  try {
    const apt = await openApt();
    if (!apt) return new Notice('this user cannot install libucx0: tests of the UCX bridge will be skipped');
    if ((await apt.candidate('libucx0')) === undefined)
      return new Notice('no package libucx0 here: tests of the UCX bridge will be skipped');
    await apt.install(['libucx0']);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return new Notice(`apt-get failed (${error.message}): tests of the UCX bridge will be skipped`);
  }
  return 'libucx0 installed from the distribution';
}
