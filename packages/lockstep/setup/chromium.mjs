// Installs Chromium, which only the browser tests need, where the distribution has it as a package.
// @ts-check

import { existsSync } from 'node:fs';
import { openApt } from './apt.mjs';
import { CommandError } from './command.mjs';
import { Notice } from './step.mjs';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** @returns {string | undefined} path of the browser that tests are to drive */
export function findChromium() {
  return [process.env['LOCKSTEP_CHROMIUM'], ...places].find((path) => path !== undefined && existsSync(path));
}

/** @returns {Promise<string | Notice>} what was done */
export async function installChromium() {
  const found = findChromium();
  if (found !== undefined) return found;
  try {
    const apt = await openApt();
    if (!apt) return new Notice('this user cannot install it: the browser tests will be skipped');
    if ((await apt.candidate('chromium')) === undefined)
      return new Notice('no such package here: the browser tests will be skipped');
    await apt.install(['chromium']);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return new Notice(`apt-get failed (${error.message}): the browser tests will be skipped`);
  }
  return 'installed from the distribution';
}
