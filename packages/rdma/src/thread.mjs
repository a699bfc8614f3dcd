// The thread that owns UCX: it takes commands, progresses, reports, and sleeps in poll when there is nothing to do.
// @ts-check

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { Exchange } from './exchange.mjs';
import { closeFd, openProcess, PollSet, ring, silence, yieldCore } from './libc.mjs';
import { command, flag, groupOf, layout, reason, viewOf } from './messages.mjs';
import { Ring } from './ring.mjs';
import { UcxWorker } from './ucx-worker.mjs';

/**
 * @typedef {object} ThreadData what the thread is started with
 * @property {string} library
 * @property {Readonly<Record<string, string>>} config settings of UCX without the prefix UCX_
 * @property {Readonly<Record<string, string>>} defaults the same, but this UCX need not know them
 * @property {SharedArrayBuffer} memory
 * @property {number} commandBell event fd that this thread waits for
 * @property {number} reportBell event fd that the main thread waits for
 * @property {import('node:worker_threads').MessagePort} views carries what a `connect` command means
 * @property {number} spinUs
 * @property {number} pollMs
 */

/**
 * @typedef {object} ThreadView
 * @property {number} view
 * @property {number} rank
 * @property {readonly Uint8Array[]} addresses
 * @property {readonly number[]} pids of the ranks that are other processes of this host, else 0
 * @property {boolean} maySpin whether the thread looks for more for a moment before it sleeps
 */

class Thread {
  #data;
  #flags;
  #commands;
  #reports;
  #ucx;
  #exchange;
  #eventFd;
  /** Groups of peers by the pidfd of their process. @type {Map<number, number>} */
  #processes = new Map();
  #pollSet;
  /** Handles of registered memory by address. @type {Map<number, number>} */
  #registered = new Map();
  #stopped = false;
  #abandoned = false;
  #owesRing = false;
  #spinUntil = 0;
  #maySpin = true;

  /** @param {ThreadData} data */
  constructor(data) {
    this.#data = data;
    this.#flags = new Int32Array(data.memory, layout.flags, 2);
    this.#commands = new Ring(data.memory, layout.commands);
    this.#reports = new Ring(data.memory, layout.reports);
    this.#ucx = new UcxWorker(data);
    this.#exchange = new Exchange(this.#ucx, (entry, urgent) => this.#report(entry, urgent));
    this.#eventFd = this.#ucx.eventFd;
    this.#pollSet = new PollSet([this.#eventFd, data.commandBell]);
  }

  get facts() {
    return { address: this.#ucx.address, resources: this.#ucx.resources };
  }

  run() {
    while (!this.#stopped) {
      if (this.#turn()) this.#spinUntil = 0;
      else this.#rest();
    }
    if (!this.#abandoned) this.#destroy();
  }

  #destroy() {
    this.#exchange.close();
    for (const address of this.#registered.keys()) this.#unregister(address);
    this.#ucx.destroy();
  }

  /** @returns {boolean} whether anything happened */
  #turn() {
    let busy = this.#commands.drain((entry) => this.#execute(entry)) > 0;
    busy = this.#ucx.progress() || busy;
    busy = this.#exchange.collect() || busy;
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
    this.#reports.push(entry);
    this.#owesRing ||= urgent;
  }

  /** Spins a moment after something happened, then sleeps until there is something to do, or the timeout. */
  #rest() {
    // Not while much is moving: that takes longer than a wake-up, and whoever adds what has come may need the core.
    if (this.#maySpin && !this.#exchange.isMoving && this.#spin()) return yieldCore();
    Atomics.store(this.#flags, flag.asleep, 1);
    this.#owesRing ||= this.#reports.flush();
    if (this.#commands.isEmpty && !this.#owesRing && this.#ucx.arm()) {
      const ready = this.#pollSet.wait(this.#exchange.hasDeadline ? 10 : this.#data.pollMs);
      this.#spinUntil = 0;
      for (const fd of ready) this.#wake(fd);
    }
    Atomics.store(this.#flags, flag.asleep, 0);
  }

  #spin() {
    const now = performance.now() * 1000;
    if (this.#spinUntil === 0) this.#spinUntil = now + this.#data.spinUs;
    return now < this.#spinUntil;
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
    else if (code === command.register) this.#registered.set(address, this.#ucx.register(address, length));
    else if (code === command.unregister) this.#unregister(address);
    else if (code === command.stop) this.#stop(urgent !== 0);
  }

  /** @param {boolean} abandoned whether UCX is left as it is, as a crash would */
  #stop(abandoned) {
    this.#stopped = true;
    this.#abandoned = abandoned;
  }

  #join() {
    /** @type {ThreadView} */
    const view = receiveMessageOnPort(this.#data.views)?.message;
    this.#maySpin = view.maySpin;
    this.#exchange.join(view);
    for (const [rank, pid] of view.pids.entries()) if (pid !== 0) this.#watch(groupOf(view.view, rank), pid);
  }

  /** @param {number} group @param {number} pid */
  #watch(group, pid) {
    const fd = openProcess(pid);
    if (fd === 0) return this.#exchange.lose(group, reason.ended);
    if (fd === undefined) return;
    this.#processes.set(fd, group);
    this.#renewPollSet();
  }

  /** @param {number} fd */
  #unwatch(fd) {
    this.#processes.delete(fd);
    closeFd(fd);
    this.#renewPollSet();
  }

  #renewPollSet() {
    this.#pollSet = new PollSet([this.#eventFd, this.#data.commandBell, ...this.#processes.keys()]);
  }

  /** @param {number} view @param {number} id */
  #leave(view, id) {
    for (const [fd, group] of this.#processes) if (viewOf(group) === view) this.#unwatch(fd);
    this.#exchange.leave(view, id);
  }

  /** @param {number} address */
  #unregister(address) {
    const memory = this.#registered.get(address);
    if (memory) this.#ucx.unregister(memory);
    this.#registered.delete(address);
  }
}

const thread = new Thread(workerData);
parentPort?.postMessage(thread.facts);
thread.run();
