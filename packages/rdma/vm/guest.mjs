// @ts-check
// What the guest runs: the contract of the UCX bridge over each transport of RDMA, and whether the device carried it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { checkUcx } from '../../../test/check-ucx.ts';
import { inFirstProcess } from './vitest-on-node-test.mjs';

const counters = '/sys/class/infiniband/rxe0/ports/1/hw_counters';
const longest = 64 * 2 ** 20; // bytes in one message of the contract
const packet = 4096;

for (const transport of process.env['TRANSPORTS']?.split(',') ?? ['rc', 'ud']) {
  let before = 0;
  /** How many packets the device has sent. */
  const packets = () => Number(readFileSync(`${counters}/sent_pkts`, 'utf8'));
  inFirstProcess(`${transport}: counts the packets of the device`, () => void (before = packets()));
  checkUcx(`UCX over ${transport}`, { tls: `${transport},self`, netDevices: 'rxe0:1', rdma: true });
  inFirstProcess(`${transport}: the device has carried the messages`, () => {
    const sent = packets() - before;
    console.log(`${sent} packets of ${transport}`);
    assert(sent > longest / packet, `expected more packets than one long message takes, got ${sent}`);
  });
}
