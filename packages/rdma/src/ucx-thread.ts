// The main thread's end of the thread that owns UCX: gives commands, wakes it, and hands its reports to the calls that
// wait for them. It keeps the process alive while a call does.

import { once } from 'node:events';
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { arena } from '@lockstep/collectives';
import koffi from 'koffi';
import { closeFd, openBell, ring, silence } from './libc.ts';
import {
  command,
  flag,
  layout,
  reason,
  report,
  type ThreadData,
  type ThreadFacts,
  type ThreadView,
} from './messages.ts';
import { Ring } from './ring.ts';
import type { GroupConfiguration } from '@lockstep/collectives/offload';

/** One command that waits for its report. */
export interface Call {
  /** Whether the thread wakes the main thread when it is done. */
  readonly urgent: boolean;
  /** Whether the process stays alive for it. */
  readonly holds: boolean;
  /** Called once, with `report.done` or another and what its words mean. */
  settle(outcome: number, value: number, detail: number): void;
  /** Called once, when UCX does not touch the call's memory any more. */
  release(): void;
}

export interface Command {
  readonly code: number;
  readonly group: number;
  readonly tag?: number;
  readonly address?: number;
  readonly length?: number;
}

/** A loss is reported to whom it may concern. */
export type OnGone = (group: number, why: number) => void;

export type ThreadOptions = Pick<ThreadData, 'library' | 'config' | 'defaults' | 'pollMs'>;

export class UcxThread {
  /** Why the thread has ended, where nobody asked for it. */
  failure: Error | undefined;
  /** Who hears of losses. */
  onGone: OnGone = () => {};
  /** Who hears that the thread has ended, asked or not. */
  onEnd: () => void = () => {};
  readonly #worker: Worker;
  readonly #flags: Int32Array;
  readonly #commands: Ring;
  readonly #reports: Ring;
  readonly #commandBell = openBell();
  readonly #reportBell = openBell();
  readonly #poll = koffi.node.poll(this.#reportBell, () => this.#collect());
  readonly #port: MessagePort;
  readonly #calls = new Map<number, Call>();
  readonly #settled = new Set<number>();
  readonly #ended: Promise<void>;
  #waiting = 0;
  #lastId = 0;
  #isOver = false;

  constructor(options: ThreadOptions) {
    const memory = new SharedArrayBuffer(layout.byteLength);
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#flags = new Int32Array(memory, layout.flags, 2);
    this.#commands = new Ring(memory, layout.commands);
    this.#reports = new Ring(memory, layout.reports);
    const bells = { commandBell: this.#commandBell, reportBell: this.#reportBell };
    const data: ThreadData = { ...options, ...bells, memory, arena: arena().memory, port: port2 };
    // Without what this process was started with, such as loaders of TypeScript: the thread needs none.
    const start = { workerData: data, transferList: [port2], execArgv: [] };
    this.#worker = new Worker(program, start);
    this.#ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve())).then(() => this.#end());
    this.#poll.unref();
    if (running.size === 0) process.once('exit', abandonAll);
    running.add(this);
  }

  /** Resolves when UCX runs. Rejects with what it says where it does not. */
  async start(): Promise<ThreadFacts> {
    const [facts] = (await once(this.#worker, 'message')) as [ThreadFacts];
    // From here on a failure of the thread is an end like any other: who waits hears of it.
    this.#worker.on('error', (error) => (this.failure = error));
    this.#worker.unref();
    return facts;
  }

  /** Gives a command and lets `call` know what became of it. */
  issue({ code, group, tag = 0, address = 0, length = 0 }: Command, call: Call): void {
    const id = ++this.#lastId;
    this.#calls.set(id, call);
    if (call.holds && this.#waiting++ === 0) this.#poll.ref();
    this.#push([code, id, group, tag, address, length, call.urgent ? 1 : 0]);
  }

  join(view: ThreadView): void {
    this.#port.postMessage(view);
    this.#push([command.connect, 0, 0]);
  }

  /** From now on calls of this group can be executed. */
  offload(group: number, configuration: GroupConfiguration): void {
    this.#port.postMessage(configuration);
    this.#push([command.offload, 0, group]);
  }

  /** Orders of this group that are under way end. */
  fail(group: number): void {
    this.#push([command.fail, 0, group]);
  }

  /** What an `executed` or a `failed` is about, asked for while it is settled. */
  message(): unknown {
    return receiveMessageOnPort(this.#port)?.message;
  }

  lose(group: number): void {
    this.#push([command.lose, 0, group]);
  }

  register(address: number, byteLength: number): void {
    this.#push([command.register, 0, 0, 0, address, byteLength]);
  }

  /** Ends the thread and UCX. No call may be waiting. */
  async stop(): Promise<void> {
    if (this.#isOver) return;
    this.#worker.ref();
    this.#push([command.stop, 0, 0]);
    await this.#ended;
  }

  /** Ends the thread as a crash would: UCX is not told, peers hear no farewell. */
  abandon(): void {
    this.#push([command.stop, 0, 0, 0, 0, 0, 1]);
  }

  /** The thread is no more: nothing can be waited for. */
  #end(): void {
    this.#isOver = true;
    running.delete(this);
    if (running.size === 0) process.off('exit', abandonAll);
    this.#poll.close();
    this.#port.close();
    closeFd(this.#commandBell);
    closeFd(this.#reportBell);
    for (const [id, call] of this.#calls) if (!this.#settled.has(id)) call.settle(report.lost, reason.thread, 0);
    for (const call of this.#calls.values()) call.release();
    this.#calls.clear();
    this.onEnd();
  }

  #push(entry: readonly number[]): void {
    if (this.#isOver) return;
    this.#commands.push(entry);
    this.#wake();
  }

  #wake(): void {
    if (Atomics.exchange(this.#flags, flag.asleep, 0) === 1) ring(this.#commandBell);
  }

  #collect(): void {
    silence(this.#reportBell);
    Atomics.store(this.#flags, flag.rung, 0);
    this.#reports.drain(([code = 0, id = 0, value = 0, detail = 0]) => this.#take(code, id, value, detail));
    if (this.#commands.flush() || this.#reports.isAwaited) this.#wake();
  }

  #take(code: number, id: number, value: number, detail: number): void {
    if (code === report.gone) return this.onGone(detail, value);
    const call = this.#calls.get(id);
    if (!call) return;
    if (!this.#settled.has(id)) this.#settle(id, call, [code, value, detail]);
    if (code === report.lost && detail !== 0) return;
    this.#settled.delete(id);
    this.#calls.delete(id);
    call.release();
  }

  #settle(id: number, call: Call, outcome: [code: number, value: number, detail: number]): void {
    this.#settled.add(id);
    if (call.holds && --this.#waiting === 0) this.#poll.unref();
    call.settle(...outcome);
  }
}

/** The built one, from src as from dist: Node 20 starts no thread from TypeScript. */
const program = new URL('../dist/thread.js', import.meta.url);

/** So that the end of the process waits for none of them to wake up. */
const running = new Set<UcxThread>();

function abandonAll(): void {
  for (const thread of running) thread.abandon();
}
