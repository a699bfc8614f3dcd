// The few calls of Linux's C library that Node does not offer: event fds, poll, pidfds, cores, the memory of other processes,
// large pages, and what UCX prints as a string.
// @ts-check

import koffi from 'koffi';

/** @type {ReturnType<typeof declare> | undefined} */
let declared;

/** Declared when first used: this file is loaded, if in vain, on other systems too. */
function libc() {
  declared ??= declare();
  return declared;
}

function declare() {
  const library = koffi.load('libc.so.6');
  return {
    eventfd: library.func('eventfd', 'int', ['uint', 'int']),
    read: library.func('read', 'intptr_t', ['int', 'void *', 'size_t']),
    write: library.func('write', 'intptr_t', ['int', 'void *', 'size_t']),
    close: library.func('close', 'int', ['int']),
    memcpy: library.func('memcpy', 'uintptr_t', ['uintptr_t', 'uintptr_t', 'size_t']),
    madvise: library.func('madvise', 'int', ['uintptr_t', 'size_t', 'int']),
    poll: library.func('poll', 'int', ['void *', 'ulong', 'int']),
    syscall: library.func('syscall', 'long', ['long', 'long', 'long']),
    getAffinity: library.func('sched_getaffinity', 'int', ['int', 'size_t', 'void *']),
    setAffinity: library.func('sched_setaffinity', 'int', ['int', 'size_t', 'void *']),
    processVmReadv: library.func('process_vm_readv', 'intptr_t', [
      'int',
      'void *',
      'ulong',
      'void *',
      'ulong',
      'ulong',
    ]),
    dlsym: library.func('dlsym', 'uintptr_t', ['uintptr_t', 'const char *']),
    openMemoryStream: library.func('open_memstream', 'uintptr_t', ['void *', 'void *']),
    fclose: library.func('fclose', 'int', ['uintptr_t']),
    free: library.func('free', 'void', ['uintptr_t']),
  };
}

const nonBlocking = 0o4000;
const closeOnExec = 0o2000000;
const pollIn = 1;
const pidfdOpen = 434; // the same on every architecture

const one = new BigUint64Array([1n]);
const count = new BigUint64Array(1);

/** @returns {number} an event fd: a bell that one thread rings and another waits for */
export function openBell() {
  const fd = libc().eventfd(0, nonBlocking | closeOnExec);
  if (fd < 0) throw new Error(`eventfd: expected a file descriptor, got errno ${koffi.errno()}`);
  return fd;
}

/** @param {number} fd */
export function ring(fd) {
  libc().write(fd, one, 8);
}

/** @param {number} fd */
export function silence(fd) {
  libc().read(fd, count, 8);
}

/** @param {number} fd */
export function closeFd(fd) {
  libc().close(fd);
}

/**
 * @param {number} pid
 * @returns {number | undefined} a file descriptor that becomes readable when the process ends; 0 where it has already
 *   ended; nothing where the kernel does not have such descriptors
 */
export function openProcess(pid) {
  const fd = Number(libc().syscall(pidfdOpen, pid, 0));
  if (fd >= 0) return fd;
  return koffi.errno() === noSuchProcess ? 0 : undefined;
}

/** Some errnos. */
export const notPermitted = 1;
export const noSuchProcess = 3;
const badAddress = 14;

const [here, there] = [new BigUint64Array(2), new BigUint64Array(2)];

/**
 * Copies out of the memory of another process.
 * @param {number} pid @param {number} from address there @param {number} to address here @param {number} length bytes
 * @returns {number} 0, or an errno: `noSuchProcess`, or another where it may not be read
 */
export function readMemory(pid, from, to, length) {
  here.set([BigInt(to), BigInt(length)]);
  there.set([BigInt(from), BigInt(length)]);
  const read = Number(libc().processVmReadv(pid, here, 1, there, 1, 0));
  if (read === length) return 0;
  return read < 0 ? koffi.errno() : badAddress;
}

/** @param {number} to @param {number} from @param {number} length bytes that both have */
export function copyMemory(to, from, length) {
  libc().memcpy(to, from, length);
}

const cpuWords = 32; // 1024 processors, as in glibc's cpu_set_t

/** @returns {Uint32Array | undefined} a bit for each core that this thread may use */
export function allowedCores() {
  const mask = new Uint32Array(cpuWords);
  return libc().getAffinity(0, mask.byteLength, mask) < 0 ? undefined : mask;
}

/** @param {Uint32Array} mask a bit for each core that this thread may use from now on */
export function allowCores(mask) {
  libc().setAffinity(0, mask.byteLength, mask);
}

/** File descriptors that are waited for together. */
export class PollSet {
  #fds = new Int32Array(0);

  /** @param {readonly number[]} fds */
  constructor(fds) {
    this.#fds = Int32Array.from(fds.flatMap((fd) => [fd, pollIn]));
  }

  /**
   * Blocks this thread until one of them is readable.
   * @param {number} timeoutMs
   * @returns {number[]} those that are
   */
  wait(timeoutMs) {
    const words = this.#fds;
    const found = libc().poll(words, words.length / 2, timeoutMs);
    if (found <= 0) return [];
    // struct pollfd: the descriptor, what is asked (16 bits), what is so (16 bits).
    const ready = [];
    for (let i = 0; i < words.length; i += 2) if (Number(words[i + 1]) >>> 16 !== 0) ready.push(Number(words[i]));
    return ready;
  }
}

/**
 * The address of C's `time`, as a callback that needs no JavaScript: called with (p, …) it writes a number other than 0
 * to where p points, and ignores the rest. UCX may call it from any of its threads.
 * @returns {number}
 */
export function addressOfTime() {
  return libc().dlsym(0, 'time');
}

/**
 * @param {(stream: number) => void} print writes to a C stream
 * @returns {string} what was written
 */
export function printed(print) {
  const [text, length] = [new BigUint64Array(1), new BigUint64Array(1)];
  const stream = libc().openMemoryStream(text, length);
  print(stream);
  libc().fclose(stream);
  const address = Number(text[0]);
  const string = koffi.decode(address, koffi.array('char', Number(length[0])));
  libc().free(address);
  return String(string);
}

const hugePage = 2 ** 21;
const adviseHugePages = 14;

/**
 * Asks for large pages under the whole ones of a piece of memory: another process reads those several times as fast.
 * @param {number} address @param {number} byteLength
 */
export function useLargePages(address, byteLength) {
  const start = Math.ceil(address / hugePage) * hugePage;
  const end = Math.floor((address + byteLength) / hugePage) * hugePage;
  if (end > start) libc().madvise(start, end - start, adviseHugePages);
}
