// The thread that owns UCX: it takes commands, progresses, reports, and sleeps in poll when there is nothing to do.

import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { arena, type GroupConfiguration, shareArena } from '@lockstep/collectives/offload';
import koffi from 'koffi';
import { Collectives, type SharedCall } from './collectives.ts';
import { Cores } from './cores.ts';
import { Exchange } from './exchange.ts';
import { closeFd, openProcess, ring, silence, WaitSet } from './libc.ts';
import { failureOf } from './losses.ts';
import {
  command,
  flag,
  groupOf,
  layout,
  rankOf,
  reason,
  report,
  type ThreadData,
  type ThreadFacts,
  type ThreadView,
  viewOf,
} from './messages.ts';
import { Ring } from './ring.ts';
import { type Answer, ThreadTransport } from './thread-transport.ts';
import { UcxWorker } from './ucx-worker.ts';

class Thread {
  readonly #data: ThreadData;
  readonly #flags: Int32Array;
  readonly #commands: Ring;
  readonly #reports: Ring;
  readonly #ucx: UcxWorker;
  readonly #exchange: Exchange;
  /** Groups of peers by the pidfd of their process. */
  readonly #processes = new Map<number, number>();
  readonly #awaited = new WaitSet();
  /** Handles of registered memory by address. */
  readonly #registered = new Map<number, number>();
  readonly #cores = new Cores();
  #stopped = false;
  #abandoned = false;
  #owesRing = false;
  readonly #collectives = new Collectives();
  /** Who waits here for a report, by id. */
  readonly #calls = new Map<number, Answer>();
  /** Whether collectives here may have something to go on with. */
  #isStirred = false;
  /** Whether they may still have, after a few steps. */
  #mayGoOn = false;

  constructor(data: ThreadData) {
    this.#data = data;
    this.#flags = new Int32Array(data.memory, layout.flags, 2);
    this.#commands = new Ring(data.memory, layout.commands);
    this.#reports = new Ring(data.memory, layout.reports);
    this.#ucx = new UcxWorker(data);
    this.#exchange = new Exchange(this.#ucx, (entry, urgent) => this.#report(entry, urgent));
    for (const fd of [this.#ucx.eventFd, data.commandBell]) this.#awaited.add(fd);
  }

  /** What the main thread is told when UCX runs. */
  get facts(): ThreadFacts {
    return { address: this.#ucx.address, resources: this.#ucx.resources };
  }

  async run(): Promise<void> {
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
  async #step(): Promise<void> {
    this.#isStirred = false;
    this.#mayGoOn = true;
    for (let i = 0; i < promisesDeep; i++) await Promise.resolve();
  }

  /** Lets them go on as far as they can, and their deadlines pass; takes longer. */
  async #goOn(): Promise<void> {
    this.#mayGoOn = false;
    await new Promise((resolve) => setImmediate(resolve));
  }

  #destroy(): void {
    // UCX 1.13 would end the process where something is under way still: then it stays as it is.
    if (!this.#exchange.close()) return;
    for (const memory of this.#registered.values()) if (memory) this.#ucx.unregister(memory);
    this.#ucx.destroy();
  }

  /** @returns whether anything happened */
  #turn(): boolean {
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

  /** @param urgent whether the main thread is to be woken for it */
  #report(entry: readonly number[], urgent: boolean): void {
    const [code = 0, id = 0, value = 0, detail = 0] = entry;
    if (id < 0) {
      this.#isStirred = true;
      return this.#calls.get(id)?.(code, value, detail);
    }
    this.#reports.push(entry);
    this.#owesRing ||= urgent;
  }

  /** Sleeps until there is something to do, or the timeout. */
  #rest(): void {
    Atomics.store(this.#flags, flag.asleep, 1);
    this.#owesRing ||= this.#reports.flush();
    if (this.#commands.isEmpty && !this.#owesRing && this.#ucx.arm()) {
      const ready = this.#awaited.wait(this.#exchange.hasDeadline ? 10 : this.#data.pollMs);
      this.#mayGoOn = !this.#collectives.isIdle;
      for (const fd of ready) this.#wake(fd);
    }
    Atomics.store(this.#flags, flag.asleep, 0);
  }

  /** @param fd that is readable */
  #wake(fd: number): void {
    if (fd === this.#data.commandBell) silence(fd);
    const group = this.#processes.get(fd);
    if (group === undefined) return;
    this.#unwatch(fd);
    this.#exchange.lose(group, reason.ended);
  }

  #execute([code = 0, id = 0, group = 0, tag = 0, address = 0, length = 0, urgent = 0]: Float64Array): void {
    if (code === command.send) this.#exchange.send({ id, group, tag, address, length, urgent: urgent !== 0 });
    else if (code === command.recv) this.#exchange.recv({ id, group, tag, address, length });
    else if (code === command.connect) this.#join();
    else if (code === command.lose) this.#exchange.lose(group, reason.told);
    else if (code === command.leave) this.#leave(viewOf(group), id);
    else if (code === command.register) this.#register(address, length);
    else if (code === command.offload) this.#offload(group);
    else if (code === command.fail) this.#fail(viewOf(group));
    else if (code === command.execute) void this.#executeCall(viewOf(group), id, textAt(address, length));
    else if (code === command.stop) this.#stop(urgent !== 0);
  }

  /** @param abandoned whether UCX is left as it is, as a crash would */
  #stop(abandoned: boolean): void {
    this.#stopped = true;
    this.#abandoned = abandoned;
  }

  /** @param group the rank's own */
  #offload(group: number): void {
    const view = viewOf(group);
    const configuration: GroupConfiguration = receiveMessageOnPort(this.#data.port)?.message;
    const transport = new ThreadTransport({
      view,
      rank: rankOf(group),
      size: configuration.layout.size,
      exchange: this.#exchange,
      calls: this.#calls,
      describe: (status) => this.#ucx.describe(status),
    });
    this.#collectives.open(view, configuration, transport, (byteLength) => this.#allocate(byteLength));
  }

  #fail(view: number): void {
    this.#isStirred = true;
    this.#collectives.fail(view, new Error('ucx: the group has failed'));
  }

  async #executeCall(view: number, id: number, text: string): Promise<void> {
    this.#isStirred = true;
    try {
      const sharedCall: SharedCall = JSON.parse(text);
      const { bytesSent, partners } = await this.#collectives.execute(view, sharedCall);
      if (partners) this.#data.port.postMessage(partners);
      this.#report([report.executed, id, bytesSent, partners ? 1 : 0], true);
    } catch (error) {
      this.#data.port.postMessage(failureOf(error));
      this.#report([report.failed, id], true);
    }
  }

  /** Bytes of the arena, registered where the fabric wants it. */
  #allocate(byteLength: number): Uint8Array {
    const bytes = arena().allocate(byteLength);
    if (arena().holds(bytes)) this.#register(Number(koffi.address(bytes)), arena().roomFor(byteLength));
    return bytes;
  }

  /** @param byteLength always the same for this address */
  #register(address: number, byteLength: number): void {
    if (!this.#registered.has(address)) this.#registered.set(address, this.#ucx.register(address, byteLength));
  }

  #join(): void {
    const view: ThreadView = receiveMessageOnPort(this.#data.port)?.message;
    // Where two threads that exchange data come to the same core, they take turns of some milliseconds there.
    this.#cores.use(view.core);
    this.#exchange.join(view);
    for (const [rank, pid] of view.pids.entries()) if (pid !== 0) this.#watch(groupOf(view.view, rank), pid);
  }

  #watch(group: number, pid: number): void {
    const fd = openProcess(pid);
    if (fd === 0) return this.#exchange.lose(group, reason.ended);
    if (fd === undefined) return;
    this.#processes.set(fd, group);
    this.#awaited.add(fd);
  }

  #unwatch(fd: number): void {
    this.#processes.delete(fd);
    closeFd(fd);
  }

  #leave(view: number, id: number): void {
    for (const [fd, group] of this.#processes) if (viewOf(group) === view) this.#unwatch(fd);
    this.#exchange.leave(view, () => void this.#end(view, id));
  }

  /** Nothing comes or goes any more for this view. @param id of the call to settle */
  async #end(view: number, id: number): Promise<void> {
    this.#isStirred = true;
    await this.#collectives.close(view, new Error('ucx: the view was left'));
    this.#report([report.done, id, 0], true);
  }
}

/** How many promises lie between a message and the next step of a collective, about. */
const promisesDeep = 12;

/** @param address of the arena */
function textAt(address: number, length: number): string {
  return Buffer.from(arena().view(address, length).buffer, address, length).toString('latin1');
}

const data: ThreadData = workerData;
shareArena(data.arena);
const thread = new Thread(data);
parentPort?.postMessage(thread.facts);
void thread.run();
