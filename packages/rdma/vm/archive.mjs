// @ts-check
// Writes a cpio archive (format `newc`), what the kernel takes as its first file system. What goes in is not its business.

import {
  closeSync,
  lstatSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { stop } from './stop.mjs';

/** It stays uncompressed: the kernel would spend longer unpacking it than qemu does reading it. */
export class Archive {
  #count = 0;
  #file;
  /** @type {Set<string>} */
  #seen = new Set();

  /** @param {string} path */
  constructor(path) {
    this.#file = openSync(path, 'w');
  }

  /** @param {string} name @param {number} mode @param {Uint8Array} data */
  #entry(name, mode, data) {
    const nameLength = Buffer.byteLength(name) + 1;
    const fields = [++this.#count, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, nameLength, 0];
    const header = `070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}${name}\0`;
    for (const part of [Buffer.from(header), data]) {
      writeSync(this.#file, part);
      writeSync(this.#file, Buffer.alloc(-part.length & 3));
    }
  }

  /** @param {string} name @param {number} mode @param {Uint8Array | string} data */
  add(name, mode, data) {
    if (this.#seen.has(name)) return;
    this.#seen.add(name);
    const folder = dirname(name);
    if (folder !== '.') this.add(folder, 0o040755, '');
    this.#entry(name, mode, typeof data === 'string' ? Buffer.from(data) : data);
  }

  /** Adds a file or a folder, links as links. @param {string} path @param {string} name */
  addTree(path, name) {
    const stat = lstatSync(path);
    if (stat.isDirectory()) {
      this.add(name, stat.mode, '');
      for (const child of readdirSync(path)) this.addTree(join(path, child), `${name}/${child}`);
    } else if (stat.isSymbolicLink()) this.add(name, stat.mode, readlinkSync(path));
    else if (stat.isFile()) this.add(name, stat.mode, readFileSync(path));
  }

  /** The same, but what a link points to takes its place. @param {string} path @param {string} name @param {string[]} [above] the folders on the way here */
  addFollowed(path, name, above = []) {
    const real = realpathSync(path);
    if (above.includes(real)) stop(`${path} links back to a folder that holds it`);
    if (!statSync(real).isDirectory()) return this.addTree(real, name);
    this.add(name, 0o040755, '');
    for (const child of readdirSync(real)) this.addFollowed(join(path, child), `${name}/${child}`, [...above, real]);
  }

  close() {
    this.#entry('TRAILER!!!', 0, Buffer.alloc(0));
    closeSync(this.#file);
  }
}
