// The few calls of Linux's C library that Node does not offer: event fds, epoll, pidfds, cores, files in memory, and
// what UCX prints as a string.
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
    epollCreate: library.func('epoll_create1', 'int', ['int']),
    epollControl: library.func('epoll_ctl', 'int', ['int', 'int', 'int', 'void *']),
    epollWait: library.func('epoll_wait', 'int', ['int', 'void *', 'int', 'int']),
    syscall: library.func('syscall', 'long', ['long', 'long', 'long']),
    getAffinity: library.func('sched_getaffinity', 'int', ['int', 'size_t', 'void *']),
    setAffinity: library.func('sched_setaffinity', 'int', ['int', 'size_t', 'void *']),
    memfdCreate: library.func('memfd_create', 'int', ['const char *', 'uint']),
    ftruncate: library.func('ftruncate', 'int', ['int', 'int64_t']),
    fcntl: library.func('fcntl', 'int', ['int', 'int', 'int']),
    pwrite: library.func('pwrite', 'intptr_t', ['int', 'uintptr_t', 'size_t', 'int64_t']),
    mmap: library.func('mmap', 'intptr_t', ['uintptr_t', 'size_t', 'int', 'int', 'int', 'int64_t']),
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

const noSuchProcess = 3;

const file = { closeOnExec: 1, maySeal: 2, addSeals: 1033, getSeals: 1034, seals: 1 | 2 | 4 }; // F_SEAL_SEAL, _SHRINK, _GROW
const page = { none: 0, read: 1, readWrite: 3, shared: 1, fixed: 0x10, noReserve: 0x4000 };

/** @param {string} name @param {number} byteLength which it keeps @returns {number} a descriptor, or below 0 an error */
export function createMemoryFile(name, byteLength) {
  const fd = libc().memfdCreate(name, file.closeOnExec | file.maySeal);
  if (fd < 0 || (libc().ftruncate(fd, byteLength) === 0 && libc().fcntl(fd, file.addSeals, file.seals) === 0))
    return fd;
  closeFd(fd);
  return -1;
}

/** @param {number} fd @returns {boolean} whether it is a file in memory that keeps its length, so that reading it cannot fail */
export function isSealed(fd) {
  return (libc().fcntl(fd, file.getSeals, 0) & file.seals) === file.seals;
}

/**
 * Puts a file in the place of memory of this process, with the same contents.
 * @param {number} address @param {number} used bytes that may be read and written now
 * @param {number} fd @param {number} byteLength of the file, for which addresses are reserved there
 * @returns {boolean} whether it is done; what is in use is as before where not
 */
export function mapOver(address, used, fd, byteLength) {
  for (let at = 0; at < used;) {
    const written = Number(libc().pwrite(fd, address + at, used - at, at));
    if (written <= 0) return false;
    at += written;
  }
  const flags = page.shared | page.fixed | page.noReserve;
  const rest = libc().mmap(address + used, byteLength - used, page.none, flags, fd, used);
  return Number(rest) !== -1 && Number(libc().mmap(address, used, page.readWrite, flags, fd, 0)) === address;
}

/** @param {number} fd @param {number} byteLength @returns {number | undefined} the address where it can be read */
export function mapToRead(fd, byteLength) {
  const address = Number(libc().mmap(0, byteLength, page.read, page.shared | page.noReserve, fd, 0));
  return address === -1 ? undefined : address;
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

/** C's struct epoll_event in words: which events, then the data (64 bits), without padding on x86-64. */
const eventWords = process.arch === 'x64' ? 3 : 4;
const dataWord = eventWords - 2;
const epollAdd = 1;
const maxReady = 64;

/** File descriptors that are waited for together. A closed one leaves the set. */
export class WaitSet {
  #fd = libc().epollCreate(closeOnExec);
  #events = new Int32Array(maxReady * eventWords);

  /** @param {number} fd that is waited for from now on */
  add(fd) {
    const event = new Int32Array(eventWords);
    event[0] = pollIn;
    event[dataWord] = fd;
    if (libc().epollControl(this.#fd, epollAdd, fd, event) < 0)
      throw new Error(`epoll: expected to wait for a file descriptor, got errno ${koffi.errno()}`);
  }

  /**
   * Blocks this thread until one of them is readable.
   * @param {number} timeoutMs
   * @returns {number[]} those that are, in the order in which they became so: who ended first is told first
   */
  wait(timeoutMs) {
    const found = libc().epollWait(this.#fd, this.#events, maxReady, timeoutMs);
    return Array.from({ length: Math.max(0, found) }, (_, i) => Number(this.#events[i * eventWords + dataWord]));
  }

  close() {
    closeFd(this.#fd);
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
