import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSource } from '../../../src/controller/sources.js';
import { releaseHashes, sourcePackages } from '../../../src/controller/sources/debian.js';
import { choose, parseSums } from '../../../src/controller/sources/kernel-org.js';
import { makefileVersion } from '../../../src/controller/sources/local.js';

const hash = (digit: string): string => digit.repeat(64);

describe('which kernel a version means', () => {
  const there = ['6.4', '6.4.9', '6.4.16', '6.12.9', '6.12.107', '6.1.170'];

  it('takes a full version literally', () => {
    expect(choose('6.12.9', there)).toBe('6.12.9');
    expect(choose('6.12.10', there)).toBeUndefined();
  });

  it('takes the newest point release of a line, by number and not by letter', () => {
    expect(choose('6.12', there)).toBe('6.12.107');
    expect(choose('6.4', there)).toBe('6.4.16');
    expect(choose('6.4', ['6.4'])).toBe('6.4');
  });

  it('does not confuse 6.1 with 6.12', () => {
    expect(choose('6.1', there)).toBe('6.1.170');
    expect(choose('6.1', ['6.12.3'])).toBeUndefined();
  });
});

describe('--source', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'klp-test-'));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it('understands the named places', () => {
    expect(parseSource(undefined)).toEqual({ kind: 'default' });
    expect(parseSource('kernel.org')).toEqual({ kind: 'kernel.org' });
    expect(parseSource('debian')).toEqual({ kind: 'debian' });
    expect(parseSource('debian:trixie-security')).toEqual({ kind: 'debian', suite: 'trixie-security' });
  });

  it('understands git with a tag, and asks for the tag', () => {
    expect(parseSource('git+https://example.org/linux.git#v6.4')).toEqual({
      kind: 'git',
      url: 'https://example.org/linux.git',
      tag: 'v6.4',
    });
    expect(() => parseSource('git+https://example.org/linux.git')).toThrow(
      expect.objectContaining({ code: 'source-invalid', message: expect.stringContaining('#') as string }),
    );
  });

  it('tells a folder from a file, and neither from nothing', async () => {
    const file = join(dir, 'linux-6.4.tar.xz');
    await writeFile(file, 'x');
    expect(parseSource(dir)).toEqual({ kind: 'folder', path: dir });
    expect(parseSource(file)).toEqual({ kind: 'tarball', path: file });
    expect(() => parseSource(join(dir, 'absent'))).toThrow(
      expect.objectContaining({ code: 'source-invalid' }),
    );
  });

  it('names the suites there are when one is unknown', () => {
    expect(() => parseSource('debian:potato')).toThrow(
      expect.objectContaining({
        code: 'source-invalid',
        message: expect.stringContaining('bookworm') as string,
      }),
    );
  });
});

describe("kernel.org's checksum file", () => {
  it('gives the archives and nothing else', () => {
    const text = [
      '-----BEGIN PGP SIGNED MESSAGE-----',
      'Hash: SHA256',
      '',
      `${hash('a')}  linux-6.4.tar.xz`,
      `${hash('b')}  linux-6.4.3.tar.xz`,
      `${hash('c')}  patch-6.4.3.xz`,
      `${hash('d')}  linux-6.4.tar.gz`,
      `${hash('e')}  ../linux-6.5.tar.xz`,
      'short  linux-6.6.tar.xz',
    ].join('\n');
    expect([...parseSums(text)]).toEqual([
      ['6.4', { file: 'linux-6.4.tar.xz', sha256: hash('a') }],
      ['6.4.3', { file: 'linux-6.4.3.tar.xz', sha256: hash('b') }],
    ]);
  });
});

describe("Debian's indexes", () => {
  it('reads SHA-256 alone out of a Release file', () => {
    const release = [
      'Origin: Debian',
      'MD5Sum:',
      ` ${'1'.repeat(32)} 10 main/binary-amd64/Packages.xz`,
      'SHA256:',
      ` ${hash('2')} 10 main/binary-amd64/Packages.xz`,
      ` ${hash('3')}    10 main/binary-arm64/Packages.xz`,
      'Acquire-By-Hash: yes',
    ].join('\n');
    expect(releaseHashes(release)).toEqual(
      new Map([
        ['main/binary-amd64/Packages.xz', hash('2')],
        ['main/binary-arm64/Packages.xz', hash('3')],
      ]),
    );
  });

  const entry = (fields: Record<string, string>): string =>
    Object.entries({
      Package: 'linux-source-6.12',
      Version: '6.12.107-1',
      Filename: 'pool/main/l/linux/linux-source-6.12_6.12.107-1_all.deb',
      SHA256: hash('4'),
      ...fields,
    })
      .map(([name, value]) => `${name}: ${value}\n`)
      .join('');

  it('finds kernel sources with their upstream version', () => {
    const text = [
      entry({ Package: 'linux-source' }),
      entry({}),
      entry({ Package: 'linux-source-6.1', Version: '6.1.170-3', SHA256: hash('5') }),
      entry({ Package: 'linux-source-6.12', Version: '6.12.95-1~bpo12+1', SHA256: hash('6') }),
    ].join('\n');
    expect(sourcePackages(text).map((p) => [p.kernel, p.version, p.sha256])).toEqual([
      ['6.12.107', '6.12.107-1', hash('4')],
      ['6.1.170', '6.1.170-3', hash('5')],
      ['6.12.95', '6.12.95-1~bpo12+1', hash('6')],
    ]);
  });

  it.each([
    ['a path that escapes', { Filename: 'pool/../../etc/passwd.deb' }],
    ['no checksum', { SHA256: '' }],
    ['a release candidate', { Version: '7.3~rc4-1~exp1' }],
    ['another kind of package', { Package: 'linux-source-6.12-rt' }],
  ])('leaves out an entry with %s', (_what, fields) => {
    expect(sourcePackages(entry(fields))).toEqual([]);
  });
});

describe('the version in a Makefile', () => {
  const makefile = (sublevel: string, extra: string): string =>
    `# SPDX\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = ${sublevel}\nEXTRAVERSION =${extra}\nNAME = Baby\n`;

  it('has no point release when SUBLEVEL is 0', () => {
    expect(makefileVersion(makefile('0', ''))).toEqual({ version: '6.12' });
    expect(makefileVersion(makefile('107', ''))).toEqual({ version: '6.12.107' });
  });

  it("has a release candidate's number, and what a builder added beside it", () => {
    expect(makefileVersion(makefile('0', ' -rc3'))).toEqual({ version: '6.12-rc3' });
    expect(makefileVersion(makefile('107', ' -mine'))).toEqual({
      version: '6.12.107',
      madeVersion: '6.12.107-mine',
    });
    expect(makefileVersion(makefile('0', ' -rc3-mine'))).toEqual({
      version: '6.12-rc3',
      madeVersion: '6.12.0-rc3-mine',
    });
  });

  it('is not there in another Makefile', () => {
    expect(makefileVersion('all:\n\tcc -o x x.c\n')).toBeUndefined();
  });
});
