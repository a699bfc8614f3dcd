import { describe, expect, test } from 'vitest';
import { backportsSource, distributionSources, formatStanzas, parseLines, parseStanzas } from './apt-sources.mjs';

const stanzas = `# the archive
Types: deb deb-src
# between two fields
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /keys/debian.gpg

Types: deb
uris: http://mirror.test/security
Suites: bookworm-security
Components: main

Types: deb-src
URIs: http://mirror.test/sources-only
Suites: bookworm
Components: main

Enabled: no
Types: deb
URIs: http://mirror.test/switched-off
Suites: bookworm
Components: main
`;

const lines = `
# deb http://mirror.test/commented bookworm main
deb http://mirror.test/debian bookworm main contrib # trailing remark
deb-src http://mirror.test/debian bookworm main
deb [arch=amd64,arm64 signed-by=/keys/other.gpg] http://mirror.test/other stable main
`;

describe('both formats of apt sources', () => {
  test('stanzas: comments, letter case, source-only and switched-off ones', () => {
    const uris = parseStanzas(stanzas).map((source) => source['URIs']);
    expect(uris).toEqual(['http://mirror.test/debian', 'http://mirror.test/security']);
  });

  test('stanzas: a value goes on in indented lines', () => {
    const key = '\n -----BEGIN-----\n .\n abc\n -----END-----';
    const [source] = parseStanzas(`Types: deb\nURIs: http://m\nSuites: x\nComponents: main\nSigned-By:${key}\n`);
    expect(source?.['Signed-By']).toBe(key);
  });

  test('lines: options become fields, remarks and sources are left out', () => {
    expect(parseLines(lines)).toEqual([
      { Types: 'deb', URIs: 'http://mirror.test/debian', Suites: 'bookworm', Components: 'main contrib' },
      {
        Types: 'deb',
        URIs: 'http://mirror.test/other',
        Suites: 'stable',
        Components: 'main',
        Architectures: 'amd64 arm64',
        'Signed-By': '/keys/other.gpg',
      },
    ]);
  });

  test('what is written can be read again', () => {
    const sources = [...parseStanzas(stanzas), ...parseLines(lines)];
    expect(parseStanzas(formatStanzas(sources))).toEqual(sources);
  });
});

describe('the backports suite', () => {
  test('comes from the archive of the release, under its key', () => {
    expect(backportsSource(parseStanzas(stanzas), 'bookworm')).toEqual({
      Types: 'deb',
      URIs: 'http://mirror.test/debian',
      Suites: 'bookworm-backports',
      Components: 'main',
      'Signed-By': '/keys/debian.gpg',
    });
    expect(backportsSource(parseLines(lines), 'bookworm')?.['URIs']).toBe('http://mirror.test/debian');
  });

  test('is not added twice', () => {
    const listed = parseLines('deb http://mirror.test/debian bookworm main\ndeb http://b bookworm-backports main');
    expect(backportsSource(listed, 'bookworm')).toBeUndefined();
  });

  test('is unknown where the release itself is', () => {
    expect(backportsSource(parseLines(lines), 'trixie')).toBeUndefined();
  });
});

test('the archives of others are left alone', () => {
  const own = distributionSources([...parseStanzas(stanzas), ...parseLines(lines)], 'bookworm');
  expect(own.map((source) => source['URIs'])).not.toContain('http://mirror.test/other');
  expect(own).toHaveLength(3);
});
