import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Takes single files out of a kernel.org tarball or a Debian linux-source package. */
export function unpackFiles(archive: string, names: string[], to: string): void {
  mkdirSync(to, { recursive: true });
  let tarball = archive;
  if (archive.endsWith('.deb')) {
    execFileSync('dpkg-deb', ['-x', archive, join(to, 'deb')]);
    const folder = join(to, 'deb', 'usr', 'src');
    tarball = join(folder, readdirSync(folder).find((n) => n.startsWith('linux-source-')) ?? '');
  }
  execFileSync('tar', [
    ...['-xf', tarball, '-C', to, '--strip-components=1', '--wildcards'],
    ...names.map((n) => `*/${n}`),
  ]);
}
