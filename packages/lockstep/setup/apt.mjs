// Installs Debian and Ubuntu packages from the distribution's own archive and its backports suite, as root or through
// passwordless sudo. The list of sources it uses is a temporary one: /etc/apt stays as it was.
// @ts-check

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backportsSource, distributionSources, formatStanzas, parseLines, parseStanzas } from './apt-sources.mjs';
import { command } from './command.mjs';

/** @typedef {import('./apt-sources.mjs').Source} Source */

/** @type {Promise<Apt | undefined> | undefined} */
let opened;

/**
 * The package manager with fresh lists, opened once per process; nothing where this user cannot install packages.
 * @returns {Promise<Apt | undefined>}
 * @throws {import('./command.mjs').CommandError} if the archive cannot be reached
 */
export function openApt() {
  opened ??= open();
  return opened;
}

async function open() {
  const prefix = await installerPrefix();
  const codename = await readCodename();
  if (prefix === undefined || codename === undefined) return undefined;
  const apt = new Apt(prefix, codename);
  await apt.update(distributionSources(await readSources(), codename));
  return apt;
}

class Apt {
  /** @type {string} name of the release's backports suite */
  backports;
  /** @type {string[]} */
  #prefix;
  #directory = mkdtempSync(join(tmpdir(), 'lockstep-apt-'));
  /** Every install waits for the one before it: dpkg knows one at a time. @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {string[]} prefix @param {string} codename */
  constructor(prefix, codename) {
    this.#prefix = prefix;
    this.backports = `${codename}-backports`;
    process.once('exit', () => rmSync(this.#directory, { recursive: true, force: true }));
  }

  /**
   * Fetches the lists of these archives and of their backports, or without backports where there are none.
   * @param {Source[]} sources
   */
  async update(sources) {
    const extra = backportsSource(sources, this.backports.replace(/-backports$/, ''));
    try {
      await this.#updateFrom(extra ? [...sources, extra] : sources);
    } catch (error) {
      if (!extra) throw error;
      await this.#updateFrom(sources);
    }
  }

  /**
   * @param {string} name
   * @returns {Promise<string | undefined>} the version the release itself offers
   */
  async candidate(name) {
    const version = /Candidate: (\S+)/.exec(await this.#run('apt-cache', 'policy', name))?.[1];
    return version === '(none)' ? undefined : version;
  }

  /**
   * @param {string[]} names
   * @param {{ suite?: string | undefined }} [options] the suite that is preferred, else the release itself
   */
  async install(names, { suite } = {}) {
    const target = suite === undefined ? [] : ['-t', suite];
    const run = () => this.#run('apt-get', 'install', '-y', '--no-install-recommends', ...target, ...names);
    const done = this.#last.then(run, run);
    this.#last = done;
    await done;
  }

  /** @param {Source[]} sources */
  #updateFrom(sources) {
    writeFileSync(join(this.#directory, 'lockstep.sources'), formatStanzas(sources));
    return this.#run('apt-get', 'update');
  }

  /** @param {string} tool @param {string[]} args */
  #run(tool, ...args) {
    const options = [
      'Dir::Etc::SourceList=/dev/null',
      `Dir::Etc::SourceParts=${this.#directory}`,
      'APT::Get::List-Cleanup=false',
      'APT::Update::Error-Mode=any',
      'Acquire::Languages=none',
      'DPkg::Lock::Timeout=300',
      'Dpkg::Options::=--force-unsafe-io',
      'Dpkg::Use-Pty=false',
    ];
    const line = [...this.#prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', tool, ...options.flatMap((o) => ['-o', o])];
    return command(line[0] ?? '', [...line.slice(1), ...args], { cwd: '/', finishes: true });
  }
}

/** What to put before a command that installs: nothing for root, sudo where it asks for no password. */
async function installerPrefix() {
  if (process.getuid?.() === 0) return [];
  return command('sudo', ['-n', 'true']).then(
    () => ['sudo', '-n'],
    () => undefined,
  );
}

/** The release's name on Debian, Ubuntu and what derives from them. */
async function readCodename() {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (!/^(ID|ID_LIKE)=.*\b(debian|ubuntu)\b/m.test(text)) return undefined;
  return /^VERSION_CODENAME="?([\w-]+)/m.exec(text)?.[1];
}

/** @returns {Promise<Source[]>} all that apt is told to use on this machine */
async function readSources() {
  const directory = '/etc/apt/sources.list.d';
  const parts = await readdir(directory).catch(() => []);
  const files = ['/etc/apt/sources.list', ...parts.map((name) => join(directory, name))];
  const sources = await Promise.all(files.filter((file) => /\.(list|sources)$/.test(file)).map(readSource));
  return sources.flat();
}

/** @param {string} file */
async function readSource(file) {
  const text = await readFile(file, 'utf8').catch(() => '');
  return file.endsWith('.list') ? parseLines(text) : parseStanzas(text);
}
