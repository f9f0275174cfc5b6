/** What goes into an archive. Modes are permission bits (octal); `path` is relative, without a leading slash. */
export type CpioEntry =
  | { type: 'dir'; path: string; mode?: number }
  | { type: 'file'; path: string; mode?: number; data: Uint8Array }
  | { type: 'link'; path: string; target: string }
  | { type: 'char'; path: string; mode?: number; major: number; minor: number };

const typeBits = { dir: 0o040000, file: 0o100000, link: 0o120000, char: 0o020000 } as const;
const defaultMode = { dir: 0o755, file: 0o644, link: 0o777, char: 0o600 } as const;

/** Name of the record that ends an archive. */
const trailer = 'TRAILER!!!';

/**
 * Writes an archive in cpio's "newc" format, the one the kernel unpacks as initramfs (its layout is
 * described in Documentation/driver-api/early-userspace/buffer-format.rst). Folders that an entry lies in
 * are added where they are not listed. Everything belongs to root, and times are 0, so that equal input
 * gives equal bytes.
 * @throws RangeError when a path is absolute, empty, leaves the archive or occurs twice.
 */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const all = withParents(entries);
  const parts: Buffer[] = [];
  all.forEach((entry, index) => parts.push(...record(entry, index + 1)));
  parts.push(header({ inode: 0, mode: 0, links: 1, size: 0, major: 0, minor: 0, name: trailer }));
  return Buffer.concat(parts);
}

function withParents(entries: readonly CpioEntry[]): CpioEntry[] {
  const seen = new Map<string, CpioEntry>();
  for (const entry of entries) {
    const parts = entry.path.split('/');
    if (entry.path === trailer || parts.some((part) => part === '' || part === '.' || part === '..')) {
      throw new RangeError(`not a path for an archive: ${JSON.stringify(entry.path)}`);
    }
    for (let depth = 1; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join('/');
      if (!seen.has(path)) seen.set(path, { type: 'dir', path });
    }
    const earlier = seen.get(entry.path);
    if (earlier && !(earlier.type === 'dir' && entry.type === 'dir')) {
      throw new RangeError(`twice in one archive: ${entry.path}`);
    }
    seen.set(entry.path, entry);
  }
  return [...seen.values()];
}

function record(entry: CpioEntry, inode: number): Buffer[] {
  const data =
    entry.type === 'file' ? entry.data : entry.type === 'link' ? Buffer.from(entry.target) : new Uint8Array();
  const permissions = ('mode' in entry ? entry.mode : undefined) ?? defaultMode[entry.type];
  const head = header({
    inode,
    mode: typeBits[entry.type] | permissions,
    links: entry.type === 'dir' ? 2 : 1,
    size: data.byteLength,
    major: entry.type === 'char' ? entry.major : 0,
    minor: entry.type === 'char' ? entry.minor : 0,
    name: entry.path,
  });
  return [head, Buffer.from(data.buffer, data.byteOffset, data.byteLength), padding(data.byteLength)];
}

interface Header {
  inode: number;
  mode: number;
  links: number;
  size: number;
  major: number;
  minor: number;
  name: string;
}

/** Magic, 13 numbers of eight hexadecimal digits, the name with its zero byte, filled to a multiple of 4. */
function header(h: Header): Buffer {
  const name = Buffer.from(`${h.name}\0`);
  const owner = 0;
  const time = 0;
  const fields = [
    h.inode,
    h.mode,
    owner,
    owner,
    h.links,
    time,
    h.size,
    0,
    0,
    h.major,
    h.minor,
    name.length,
    0,
  ];
  const text = `070701${fields.map((n) => n.toString(16).toUpperCase().padStart(8, '0')).join('')}`;
  return Buffer.concat([Buffer.from(text), name, padding(text.length + name.length)]);
}

function padding(length: number): Buffer {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
