// The thread that owns UCX: it takes commands, progresses, reports, and sleeps in poll when there is nothing to do.
// @ts-check

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { arena, shareArena } from '@lockstep/collectives/offload';
import koffi from 'koffi';
import { Collectives } from './collectives.mjs';
import { Exchange } from './exchange.mjs';
import { closeFd, openProcess, ring, silence, WaitSet } from './libc.mjs';
import { Cores } from './cores.mjs';
import { failureOf } from './losses.mjs';
import { command, flag, groupOf, layout, rankOf, reason, report, viewOf } from './messages.mjs';
import { Ring } from './ring.mjs';
import { ThreadTransport } from './thread-transport.mjs';
import { UcxWorker } from './ucx-worker.mjs';

/**
 * @typedef {object} ThreadData what the thread is started with
 * @property {string} library
 * @property {Readonly<Record<string, string>>} config settings of UCX without the prefix UCX_
 * @property {Readonly<Record<string, string>>} defaults the same, but this UCX need not know them
 * @property {SharedArrayBuffer} memory for what the threads say to each other
 * @property {WebAssembly.Memory} arena the process's
 * @property {number} commandBell event fd that this thread waits for
 * @property {number} reportBell event fd that the main thread waits for
 * @property {import('node:worker_threads').MessagePort} port carries what some commands and reports mean
 * @property {number} pollMs
 */

/**
 * @typedef {object} ThreadView
 * @property {number} view
 * @property {number} rank
 * @property {readonly Uint8Array[]} addresses
 * @property {readonly number[]} pids of the ranks that are other processes of this host, else 0
 * @property {readonly number[]} arenas where those can be read, else 0
 * @property {number} core which of the cores is for this thread; −1 where none is
 */

class Thread {
  #data;
  #flags;
  #commands;
  #reports;
  #ucx;
  #exchange;
  /** Groups of peers by the pidfd of their process. @type {Map<number, number>} */
  #processes = new Map();
  #awaited = new WaitSet();
  /** Handles of registered memory by address. @type {Map<number, number>} */
  #registered = new Map();
  #cores = new Cores();
  #stopped = false;
  #abandoned = false;
  #owesRing = false;
  #collectives = new Collectives();
  /** Who waits here for a report, by id. @type {Map<number, import('./thread-transport.mjs').Answer>} */
  #calls = new Map();
  /** Whether collectives here may have something to go on with. */
  #isStirred = false;
  /** Whether they may still have, after a few steps. */
  #mayGoOn = false;

  /** @param {ThreadData} data */
  constructor(data) {
    this.#data = data;
    this.#flags = new Int32Array(data.memory, layout.flags, 2);
    this.#commands = new Ring(data.memory, layout.commands);
    this.#reports = new Ring(data.memory, layout.reports);
    this.#ucx = new UcxWorker(data);
    this.#exchange = new Exchange(this.#ucx, (entry, urgent) => this.#report(entry, urgent));
    for (const fd of [this.#ucx.eventFd, data.commandBell]) this.#awaited.add(fd);
  }

  get facts() {
    return { address: this.#ucx.address, resources: this.#ucx.resources };
  }

  async run() {
    while (!this.#stopped) {
      const isBusy = this.#turn();
      if (this.#isStirred) await this.#step();
      else if (!isBusy && this.#mayGoOn) await this.#goOn();
      else if (!isBusy) this.#rest();
    }
    this.#awaited.close();
    if (!this.#abandoned) this.#destroy();
    process.exit(); // of this thread: nobody waits for its timers
  }

  /** Lets the collectives go on, most likely as far as they can. */
  async #step() {
    this.#isStirred = false;
    this.#mayGoOn = true;
    for (let i = 0; i < promisesDeep; i++) await Promise.resolve();
  }

  /** Lets them go on as far as they can, and their deadlines pass; takes longer. */
  async #goOn() {
    this.#mayGoOn = false;
    await new Promise((resolve) => setImmediate(resolve));
  }

  #destroy() {
    // UCX 1.13 would end the process where something is under way still: then it stays as it is.
    if (!this.#exchange.close()) return;
    for (const memory of this.#registered.values()) if (memory) this.#ucx.unregister(memory);
    this.#ucx.destroy();
  }

  /** @returns {boolean} whether anything happened */
  #turn() {
    let busy = this.#commands.drain((entry) => this.#execute(entry)) > 0;
    busy = this.#ucx.progress() || busy;
    busy = this.#exchange.collect() || busy;
    busy = this.#exchange.confirm() || busy;
    busy = this.#exchange.settle() || busy;
    busy = this.#exchange.noticeFailures() || busy;
    busy = this.#exchange.connect() || busy;
    busy = this.#exchange.depart() || busy;
    // There is room for more commands, or there was none for all reports: the main thread must know.
    this.#owesRing ||= this.#commands.isAwaited;
    this.#owesRing = this.#reports.flush() || this.#owesRing;
    if (this.#owesRing && Atomics.exchange(this.#flags, flag.rung, 1) === 0) ring(this.#data.reportBell);
    this.#owesRing = false;
    return busy;
  }

  /** @param {readonly number[]} entry @param {boolean} urgent whether the main thread is to be woken for it */
  #report(entry, urgent) {
    const [code = 0, id = 0, value = 0, detail = 0] = entry;
    if (id < 0) {
      this.#isStirred = true;
      return this.#calls.get(id)?.(code, value, detail);
    }
    this.#reports.push(entry);
    this.#owesRing ||= urgent;
  }

  /** Sleeps until there is something to do, or the timeout. */
  #rest() {
    Atomics.store(this.#flags, flag.asleep, 1);
    this.#owesRing ||= this.#reports.flush();
    if (this.#commands.isEmpty && !this.#owesRing && this.#ucx.arm()) {
      const ready = this.#awaited.wait(this.#exchange.hasDeadline ? 10 : this.#data.pollMs);
      this.#mayGoOn = !this.#collectives.isIdle;
      for (const fd of ready) this.#wake(fd);
    }
    Atomics.store(this.#flags, flag.asleep, 0);
  }

  /** @param {number} fd that is readable */
  #wake(fd) {
    if (fd === this.#data.commandBell) silence(fd);
    const group = this.#processes.get(fd);
    if (group === undefined) return;
    this.#unwatch(fd);
    this.#exchange.lose(group, reason.ended);
  }

  /** @param {Float64Array} entry */
  #execute([code = 0, id = 0, group = 0, tag = 0, address = 0, length = 0, urgent = 0]) {
    if (code === command.send) this.#exchange.send({ id, group, tag, address, length, urgent: urgent !== 0 });
    else if (code === command.recv) this.#exchange.recv({ id, group, tag, address, length });
    else if (code === command.connect) this.#join();
    else if (code === command.lose) this.#exchange.lose(group, reason.told);
    else if (code === command.leave) this.#leave(viewOf(group), id);
    else if (code === command.register) this.#register(address, length);
    else if (code === command.offload) this.#offload(group);
    else if (code === command.fail) this.#fail(viewOf(group));
    else if (code === command.perform) void this.#perform(viewOf(group), id, textAt(address, length));
    else if (code === command.stop) this.#stop(urgent !== 0);
  }

  /** @param {boolean} abandoned whether UCX is left as it is, as a crash would */
  #stop(abandoned) {
    this.#stopped = true;
    this.#abandoned = abandoned;
  }

  /** What the command means that is being executed. */
  #message() {
    return receiveMessageOnPort(this.#data.port)?.message;
  }

  /** @param {number} group the rank's own */
  #offload(group) {
    const view = viewOf(group);
    /** @type {import('@lockstep/collectives/offload').Plot} */
    const plot = this.#message();
    const transport = new ThreadTransport({
      view,
      rank: rankOf(group),
      size: plot.layout.size,
      exchange: this.#exchange,
      calls: this.#calls,
      describe: (status) => this.#ucx.describe(status),
    });
    this.#collectives.open(view, plot, transport, (byteLength) => this.#allocate(byteLength));
  }

  /** @param {number} view */
  #fail(view) {
    this.#isStirred = true;
    this.#collectives.fail(view, new Error('ucx: the group has failed'));
  }

  /** @param {number} view @param {number} id @param {string} errand */
  async #perform(view, id, errand) {
    this.#isStirred = true;
    try {
      const { bytesSent, partners } = await this.#collectives.perform(view, JSON.parse(errand));
      if (partners) this.#data.port.postMessage(partners);
      this.#report([report.performed, id, bytesSent, partners ? 1 : 0], true);
    } catch (error) {
      this.#data.port.postMessage(failureOf(/** @type {Error} */ (error)));
      this.#report([report.failed, id], true);
    }
  }

  /** Bytes of the arena, registered where the fabric wants it. @param {number} byteLength */
  #allocate(byteLength) {
    const bytes = arena().allocate(byteLength);
    if (arena().holds(bytes)) this.#register(Number(koffi.address(bytes)), arena().roomFor(byteLength));
    return bytes;
  }

  /** @param {number} address @param {number} byteLength always the same for this address */
  #register(address, byteLength) {
    if (!this.#registered.has(address)) this.#registered.set(address, this.#ucx.register(address, byteLength));
  }

  #join() {
    /** @type {ThreadView} */
    const view = this.#message();
    // Where two threads that exchange data come to the same core, they take turns of some milliseconds there.
    this.#cores.use(view.core);
    this.#exchange.join(view);
    for (const [rank, pid] of view.pids.entries()) if (pid !== 0) this.#watch(groupOf(view.view, rank), pid);
  }

  /** @param {number} group @param {number} pid */
  #watch(group, pid) {
    const fd = openProcess(pid);
    if (fd === 0) return this.#exchange.lose(group, reason.ended);
    if (fd === undefined) return;
    this.#processes.set(fd, group);
    this.#awaited.add(fd);
  }

  /** @param {number} fd */
  #unwatch(fd) {
    this.#processes.delete(fd);
    closeFd(fd);
  }

  /** @param {number} view @param {number} id */
  #leave(view, id) {
    for (const [fd, group] of this.#processes) if (viewOf(group) === view) this.#unwatch(fd);
    this.#exchange.leave(view, () => void this.#end(view, id));
  }

  /** Nothing comes or goes any more for this view. @param {number} view @param {number} id of the call to settle */
  async #end(view, id) {
    this.#isStirred = true;
    await this.#collectives.close(view, new Error('ucx: the view was left'));
    this.#report([report.done, id, 0], true);
  }
}

/** How many promises lie between a message and the next step of a collective, about. */
const promisesDeep = 12;

/** @param {number} address of the arena @param {number} length */
function textAt(address, length) {
  return Buffer.from(arena().view(address, length).buffer, address, length).toString('latin1');
}

shareArena(workerData.arena);
const thread = new Thread(workerData);
parentPort?.postMessage(thread.facts);
void thread.run();
