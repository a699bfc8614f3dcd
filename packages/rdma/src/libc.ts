// The few calls of Linux's C library that Node does not offer: event fds, epoll, pidfds, cores, files in memory, and
// what UCX prints as a string.

import koffi from 'koffi';

/** C's functions by their names there, but in camel case; an address is a number, 0 for none. */
interface Libc {
  eventfd(count: number, flags: number): number;
  read(fd: number, into: BigUint64Array, byteLength: number): number;
  write(fd: number, from: BigUint64Array, byteLength: number): number;
  close(fd: number): number;
  memcpy(to: number, from: number, byteLength: number): number;
  epollCreate(flags: number): number;
  epollControl(set: number, operation: number, fd: number, event: Int32Array): number;
  epollWait(set: number, events: Int32Array, most: number, timeoutMs: number): number;
  syscall(number: number, first: number, second: number): number;
  getAffinity(pid: number, byteLength: number, mask: Uint32Array): number;
  setAffinity(pid: number, byteLength: number, mask: Uint32Array): number;
  memfdCreate(name: string, flags: number): number;
  ftruncate(fd: number, byteLength: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  pwrite(fd: number, from: number, byteLength: number, at: number): number;
  mmap(address: number, byteLength: number, protection: number, flags: number, fd: number, at: number): number;
  dlsym(library: number, name: string): number;
  openMemoryStream(text: BigUint64Array, byteLength: BigUint64Array): number;
  fclose(stream: number): number;
  free(address: number): void;
}

let declared: Libc | undefined;

/** Declared when first used: this file is loaded, if in vain, on other systems too. */
function libc(): Libc {
  declared ??= declare();
  return declared;
}

function declare(): Libc {
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

/** @returns an event fd: a bell that one thread rings and another waits for */
export function openBell(): number {
  const fd = libc().eventfd(0, nonBlocking | closeOnExec);
  if (fd < 0) throw new Error(`eventfd: expected a file descriptor, got errno ${koffi.errno()}`);
  return fd;
}

export function ring(fd: number): void {
  libc().write(fd, one, 8);
}

export function silence(fd: number): void {
  libc().read(fd, count, 8);
}

export function closeFd(fd: number): void {
  libc().close(fd);
}

/**
 * @returns a file descriptor that becomes readable when the process ends; 0 where it has already ended; nothing where
 *   the kernel does not have such descriptors
 */
export function openProcess(pid: number): number | undefined {
  const fd = Number(libc().syscall(pidfdOpen, pid, 0));
  if (fd >= 0) return fd;
  return koffi.errno() === noSuchProcess ? 0 : undefined;
}

const noSuchProcess = 3;

const file = { closeOnExec: 1, maySeal: 2, addSeals: 1033, getSeals: 1034, seals: 1 | 2 | 4 }; // F_SEAL_SEAL, _SHRINK, _GROW
const page = { none: 0, read: 1, readWrite: 3, shared: 1, fixed: 0x10, noReserve: 0x4000 };

/** @param byteLength which it keeps @returns a descriptor, or below 0 an error */
export function createMemoryFile(name: string, byteLength: number): number {
  const fd = libc().memfdCreate(name, file.closeOnExec | file.maySeal);
  if (fd < 0 || (libc().ftruncate(fd, byteLength) === 0 && libc().fcntl(fd, file.addSeals, file.seals) === 0))
    return fd;
  closeFd(fd);
  return -1;
}

/** @returns whether it is a file in memory that keeps its length, so that reading it cannot fail */
export function isSealed(fd: number): boolean {
  return (libc().fcntl(fd, file.getSeals, 0) & file.seals) === file.seals;
}

/**
 * Puts a file in the place of memory of this process, with the same contents.
 * @param used bytes that may be read and written now
 * @param byteLength of the file, for which addresses are reserved there
 * @returns whether it is done; what is in use is as before where not
 */
export function mapOver(address: number, used: number, fd: number, byteLength: number): boolean {
  for (let at = 0; at < used;) {
    const written = Number(libc().pwrite(fd, address + at, used - at, at));
    if (written <= 0) return false;
    at += written;
  }
  const flags = page.shared | page.fixed | page.noReserve;
  const rest = libc().mmap(address + used, byteLength - used, page.none, flags, fd, used);
  return Number(rest) !== -1 && Number(libc().mmap(address, used, page.readWrite, flags, fd, 0)) === address;
}

/** @returns the address where it can be read */
export function mapToRead(fd: number, byteLength: number): number | undefined {
  const address = Number(libc().mmap(0, byteLength, page.read, page.shared | page.noReserve, fd, 0));
  return address === -1 ? undefined : address;
}

/** @param length bytes that both have */
export function copyMemory(to: number, from: number, length: number): void {
  libc().memcpy(to, from, length);
}

const cpuWords = 32; // 1024 processors, as in glibc's cpu_set_t

/** @returns a bit for each core that this thread may use */
export function allowedCores(): Uint32Array | undefined {
  const mask = new Uint32Array(cpuWords);
  return libc().getAffinity(0, mask.byteLength, mask) < 0 ? undefined : mask;
}

/** @param mask a bit for each core that this thread may use from now on */
export function allowCores(mask: Uint32Array): void {
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

  /** @param fd that is waited for from now on */
  add(fd: number): void {
    const event = new Int32Array(eventWords);
    event[0] = pollIn;
    event[dataWord] = fd;
    if (libc().epollControl(this.#fd, epollAdd, fd, event) < 0)
      throw new Error(`epoll: expected to wait for a file descriptor, got errno ${koffi.errno()}`);
  }

  /**
   * Blocks this thread until one of them is readable.
   * @returns those that are, in the order in which they became so: who ended first is told first
   */
  wait(timeoutMs: number): number[] {
    const found = libc().epollWait(this.#fd, this.#events, maxReady, timeoutMs);
    return Array.from({ length: Math.max(0, found) }, (_, i) => Number(this.#events[i * eventWords + dataWord]));
  }

  close(): void {
    closeFd(this.#fd);
  }
}

/**
 * The address of C's `time`, as a callback that needs no JavaScript: called with (p, …) it writes a number other than
 * 0 to where p points, and ignores the rest. UCX may call it from any of its threads.
 */
export function addressOfTime(): number {
  return libc().dlsym(0, 'time');
}

/** @param print writes to a C stream @returns what was written */
export function printed(print: (stream: number) => void): string {
  const [text, length] = [new BigUint64Array(1), new BigUint64Array(1)];
  const stream = libc().openMemoryStream(text, length);
  print(stream);
  libc().fclose(stream);
  const address = Number(text[0]);
  const string = koffi.decode(address, koffi.array('char', Number(length[0])));
  libc().free(address);
  return String(string);
}
