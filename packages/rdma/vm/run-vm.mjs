// @ts-check
// Runs a command in a small virtual machine that has an RDMA device, on a machine that has none.
// The guest is Debian's kernel with `rdma_rxe` (RoCE v2 in software), UCX, ibverbs and this Node; it has no network
// card. What the command does there, and what it proves, is left to the caller.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachedGuest, checkMachine } from './debian.mjs';
import { writeInitramfs } from './initramfs.mjs';
import { broken, temporaryFolder } from './stop.mjs';

const timeRanOut = 124;

/**
 * `folder` appears in the guest as /srv, links followed, and `command` runs there under `sh`, for `seconds` at most, in
 * a machine with `memory` MiB.
 * @param {{ folder: string, command: string, seconds: number, memory: number }} task
 * @returns {Promise<number>} the command's own exit code; 124 when time ran out, 2 when the guest died
 */
export async function runVm(task) {
  checkMachine();
  const guest = cachedGuest();
  const scratch = temporaryFolder(join(tmpdir(), 'rdma-vm-'));
  writeInitramfs(join(scratch, 'initramfs'), guest, task);
  return boot(guest, scratch, task);
}

/**
 * KVM only where the processor's own virtualisation shows; else emulation. Inside some virtual machines /dev/kvm is there
 * but serves only a patched guest kernel: Debian's hangs on it before its first line.
 */
function accelerator() {
  const hardware = /^flags\s*:.*\b(vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  return hardware && existsSync('/dev/kvm') ? ['-accel', 'kvm', '-accel', 'tcg'] : ['-accel', 'tcg'];
}

/** @param {string} guest @param {string} scratch @param {number} memory */
function qemuArguments(guest, scratch, memory) {
  return [
    ...accelerator(),
    '-cpu',
    'max',
    '-smp',
    '2',
    '-m',
    String(memory),
    '-nodefaults',
    '-no-user-config',
    '-display',
    'none',
    '-nic',
    'none',
    '-no-reboot',
    '-serial',
    'stdio',
    '-serial',
    `file:${join(scratch, 'exit-code')}`,
    '-kernel',
    join(guest, 'vmlinuz'),
    '-initrd',
    join(scratch, 'initramfs'),
    '-append',
    'console=ttyS0 loglevel=4 panic=-1',
  ];
}

/**
 * Boots the guest and resolves to the exit code of its command.
 * @param {string} guest @param {string} scratch @param {{ seconds: number; memory: number }} limits @returns {Promise<number>}
 */
function boot(guest, scratch, { seconds, memory }) {
  writeFileSync(join(scratch, 'exit-code'), '');
  const machine = spawn('qemu-system-x86_64', qemuArguments(guest, scratch, memory), {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (machine.pid !== undefined) setPriority(machine.pid, 10);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    machine.kill('SIGKILL');
  }, seconds * 1000);
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
    process.once(signal, () => machine.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    machine.once('error', reject);
    machine.once('close', () => {
      clearTimeout(timer);
      resolve(exitCode(join(scratch, 'exit-code'), timedOut, seconds));
    });
  });
}

/** @param {string} file @param {boolean} timedOut @param {number} seconds */
function exitCode(file, timedOut, seconds) {
  const text = readFileSync(file, 'utf8').trim();
  if (text !== '') return Number(text);
  console.error(timedOut ? `rdma-vm: stopped after ${seconds} s` : 'run-vm: the guest ended before its command did');
  return timedOut ? timeRanOut : broken;
}
