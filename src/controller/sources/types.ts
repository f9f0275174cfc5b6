/** Where a kernel's source may come from: what `--source` says. */
export type SourceSpec =
  | { kind: 'default' }
  | { kind: 'kernel.org' }
  | { kind: 'debian'; suite?: string }
  | { kind: 'git'; url: string; tag: string }
  | { kind: 'tarball'; path: string }
  | { kind: 'folder'; path: string };

/** A source that has been found: one version, one file, one checksum. */
export interface ResolvedSource {
  /** The full kernel version, as its Makefile tells it: `6.12.107`, `6.4`, `7.3-rc2`. */
  version: string;
  /** What `make kernelversion` says where it differs from the version by more than a `.0`: with EXTRAVERSION. */
  madeVersion?: string;
  /** For people: `kernel.org`, `debian:trixie`, a URL or a path. */
  origin: string;
  /** Of the file that goes into the build. */
  sha256: string;
  /** What the file is called there: `source.deb`, `source.tar.xz`. Tells how to unpack it. */
  contextName: string;
  /** Puts the verified file into place and returns its path. */
  fetch: () => Promise<string>;
}
