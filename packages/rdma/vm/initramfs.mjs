// @ts-check
// What the guest boots into: its files, held in memory, and its first process, which makes the RDMA device and runs the
// command.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Archive } from './archive.mjs';

/** The first process of the guest. @param {string} command @param {number} seconds */
function initScript(command, seconds) {
  return `#!/bin/sh
export PATH=/usr/bin:/usr/sbin HOME=/tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm
mount -t tmpfs shm /dev/shm
mount -t tmpfs tmp /tmp
stty -onlcr < /dev/ttyS0
# Should the host script die, the machine must not stay behind.
(sleep ${Math.ceil(seconds) + 30}; poweroff -f) &
for module in /modules/*.ko; do insmod "$module" || echo "rdma-vm: $module did not load"; done
hostname guest
ulimit -l unlimited # registered memory is locked memory
ip link set lo up
# RoCE v2 takes its GID from the interface's address. The link-local IPv6 one comes by itself and is the only one on
# purpose: with an IPv4 GID, which UCX would prefer, UCX 1.13 drops every datagram that rxe loops back (its check of
# the destination in the packet's header fails), and rc, which connects by ud, fails with it.
ip link add rdma0 type dummy
ip link set rdma0 mtu 4200 # room for RoCE's largest packet, 4096
ip link set rdma0 up
rdma link add rxe0 type rxe netdev rdma0 || { echo 'rdma-vm: no RDMA device'; poweroff -f; }
cd /srv
sh -c '${command.replaceAll("'", `'\\''`)}'
echo $? > /dev/ttyS1
echo 0 > /proc/sys/kernel/printk # the kernel would announce the end on the console
poweroff -f
`;
}

const LINK = 0o120777;
const APPLETS = [
  'sh',
  'mount',
  'insmod',
  'poweroff',
  'stty',
  'sleep',
  'mkdir',
  'cat',
  'ls',
  'echo',
  'env',
  'grep',
  'head',
  'tail',
  'timeout',
  'kill',
  'rm',
  'seq',
];

/** @param {string} path @param {string} guest @param {{ folder: string; command: string; seconds: number }} task */
export function writeInitramfs(path, guest, { folder, command, seconds }) {
  const archive = new Archive(path);
  // Packages of Debian 12 still put files in both /lib and /usr/lib.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    archive.add(name, LINK, `usr/${name}`);
    for (const parent of ['usr', '.']) {
      const source = join(guest, 'system', parent, name);
      if (existsSync(source)) archive.addTree(source, `usr/${name}`);
    }
  }
  archive.addTree(join(guest, 'system/etc/libibverbs.d'), 'etc/libibverbs.d'); // tells libibverbs of its drivers
  for (const applet of APPLETS) archive.add(`usr/bin/${applet}`, LINK, '/usr/bin/busybox');
  archive.addTree(join(guest, 'modules'), 'modules');
  archive.addFollowed(process.execPath, 'usr/bin/node');
  for (const name of ['proc', 'sys', 'dev', 'tmp']) archive.add(name, 0o040755, '');
  archive.addFollowed(folder, 'srv');
  archive.add('init', 0o100755, initScript(command, seconds));
  archive.close();
}
