// Reads apt's source files, in both of their formats, and writes the entry for the backports suite of the same archive.
// Pure text in, text out: what is installed is `apt.mjs`'s business.
// @ts-check

/**
 * One archive: fields as in a deb822 stanza, e.g. `{ Types: 'deb', URIs: '…', Suites: 'bookworm', Components: 'main' }`.
 * @typedef {Record<string, string>} Source
 */

/** Options of the one-line format and the deb822 fields they stand for (sources.list(5)). */
const optionFields = /** @type {Record<string, string>} */ ({
  arch: 'Architectures',
  'signed-by': 'Signed-By',
  trusted: 'Trusted',
  'check-valid-until': 'Check-Valid-Until',
});

/**
 * Reads the deb822 format (`*.sources`): stanzas of `Field: value`, continued by indented lines.
 * @param {string} text
 * @returns {Source[]} the enabled binary archives
 */
export function parseStanzas(text) {
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  const stanzas = lines.join('\n').split(/\n[ \t]*\n/);
  return stanzas.map(parseStanza).filter((source) => hasWord(source['Types'], 'deb') && isEnabled(source));
}

/** @param {string} stanza @returns {Source} */
function parseStanza(stanza) {
  const fields = stanza.matchAll(/^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t]+.*)*)/gm);
  return Object.fromEntries(Array.from(fields, ([, name = '', value = '']) => [fieldName(name), value.trimEnd()]));
}

/** Field names ignore case; `uris` and `URIs` are the same. @param {string} name */
function fieldName(name) {
  if (name.toLowerCase() === 'uris') return 'URIs';
  return name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/** @param {Source} source */
function isEnabled(source) {
  return !/^(no|false|without|off|disable)$/i.test(source['Enabled'] ?? 'yes');
}

/**
 * Reads the one-line format (`sources.list`, `*.list`): `deb [options] uri suite component…`.
 * @param {string} text
 * @returns {Source[]} the binary archives
 */
export function parseLines(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    if (!match) return [];
    const [, options = '', uri = '', suite = '', components = ''] = match;
    const fields = { Types: 'deb', URIs: uri, Suites: suite, Components: components.trim() };
    return [{ ...fields, ...parseOptions(options) }];
  });
}

/** @param {string} options @returns {Source} */
function parseOptions(options) {
  const pairs = options.split(/\s+/).map((option) => option.split('='));
  return Object.fromEntries(
    pairs.flatMap(([name = '', value = '']) => {
      const field = optionFields[name];
      return field === undefined ? [] : [[field, value.replaceAll(',', ' ')]];
    }),
  );
}

/**
 * The archives of the distribution itself: those with a suite of its release.
 * @param {Source[]} sources
 * @param {string} codename e.g. `bookworm`
 */
export function distributionSources(sources, codename) {
  return sources.filter(({ Suites = '' }) => Suites.split(/\s+/).some((suite) => isOfRelease(suite, codename)));
}

/** @param {string} suite @param {string} codename */
function isOfRelease(suite, codename) {
  return suite === codename || suite.startsWith(`${codename}-`) || suite.startsWith(`${codename}/`);
}

/**
 * The backports suite of the archive that carries the release itself, on the same mirror and under the same key.
 * @param {Source[]} sources
 * @param {string} codename
 * @returns {Source | undefined} nothing where the suite is listed already or the archive is not
 */
export function backportsSource(sources, codename) {
  const suite = `${codename}-backports`;
  if (sources.some(({ Suites }) => hasWord(Suites, suite))) return undefined;
  const archive = sources.find(({ Suites }) => hasWord(Suites, codename));
  return archive && { ...archive, Types: 'deb', Suites: suite };
}

/** @param {Source[]} sources @returns {string} a deb822 file */
export function formatStanzas(sources) {
  const stanzas = sources.map((source) =>
    Object.entries(source)
      .map(([name, value]) => `${name}: ${value}\n`)
      .join(''),
  );
  return stanzas.join('\n');
}

/** @param {string | undefined} list @param {string} word */
function hasWord(list, word) {
  return (list ?? '').split(/\s+/).includes(word);
}
