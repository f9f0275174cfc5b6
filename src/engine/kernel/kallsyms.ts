import { KlpError } from '../../shared/errors.js';
import { viewOf } from '../elf/header.js';
import { lazily, type SymbolFile } from './symbol-file.js';

/** How often a name occurs in the running kernel's own symbol table. */
export type NameCount = (name: string) => number;

/**
 * Reads the kallsyms tables that the kernel carries (kernel/kallsyms.c), which alone say what the livepatch code
 * will find: the filters that made them differ from kernel to kernel.
 *
 * A name is its type letter and itself, as indices into a table of tokens, behind a length of one byte, or two when
 * the first has bit 7 set. Every 256th has its offset in `kallsyms_markers`; `kallsyms_seqs_of_names` (since Linux 6.2)
 * lists all in the order of their names.
 * @throws kernel-symbols-missing
 */
export function openKallsyms(vmlinux: SymbolFile): NameCount {
  const address = (name: string): bigint => {
    const value = optional(name);
    if (value === undefined) {
      throw new KlpError(
        'kernel-symbols-missing',
        `${vmlinux.label} has no ${name}: it was built without kallsyms`,
      );
    }
    return value;
  };
  const optional = (name: string): bigint | undefined => vmlinux.named(name)[0]?.value;

  const total = viewOf(vmlinux.atAddress(address('kallsyms_num_syms'), 4)).getUint32(0, true);
  const markerCount = Math.ceil(total / 256);
  const markers = viewOf(vmlinux.atAddress(address('kallsyms_markers'), markerCount * 4));
  const expand = nameReader(vmlinux, address);
  const seqs = optional('kallsyms_seqs_of_names');
  if (seqs === undefined) return countByScan(expand.all, total);

  const order = lazily(() => vmlinux.atAddress(seqs, total * 3));
  const nameAt = (position: number): string => {
    const table = order();
    const seq =
      ((table[position * 3] ?? 0) << 16) |
      ((table[position * 3 + 1] ?? 0) << 8) |
      (table[position * 3 + 2] ?? 0);
    if (seq >= total) throw unreadable(vmlinux);
    return expand.from(markers.getUint32((seq >> 8) * 4, true), seq & 0xff);
  };
  const firstNotBelow = (wanted: string, orEqual: boolean): number => {
    let low = 0;
    let high = total;
    while (low < high) {
      const middle = (low + high) >> 1;
      const name = nameAt(middle);
      if (name < wanted || (orEqual && name === wanted)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return (name) => firstNotBelow(name, true) - firstNotBelow(name, false);
}

function unreadable(vmlinux: SymbolFile): KlpError {
  return new KlpError('kernel-symbols-missing', `the kallsyms tables of ${vmlinux.label} cannot be read`);
}

interface NameReader {
  /** The name `skip` entries after the one at `offset`. */
  from: (offset: number, skip: number) => string;
  all: (count: number) => Generator<string>;
}

function nameReader(vmlinux: SymbolFile, address: (name: string) => bigint): NameReader {
  const start = address('kallsyms_names');
  // The markers follow the names; between the two is only padding.
  const names = lazily(() => vmlinux.atAddress(start, Number(address('kallsyms_markers') - start)));
  const tokens = lazily(() => readTokens(vmlinux, address));
  const entry = (at: number): { body: number; length: number } => {
    const bytes = names();
    const first = bytes[at];
    if (first === undefined) throw unreadable(vmlinux);
    if ((first & 0x80) === 0) return { body: at + 1, length: first };
    return { body: at + 2, length: (first & 0x7f) | ((bytes[at + 1] ?? 0) << 7) };
  };
  const textOf = ({ body, length }: { body: number; length: number }): string => {
    const table = tokens();
    let text = '';
    for (let i = body; i < body + length; i++) text += table[names()[i] ?? 0] ?? '';
    return text.slice(1);
  };
  return {
    from(offset, skip) {
      let at = offset;
      for (let i = 0; i < skip; i++) {
        const { body, length } = entry(at);
        at = body + length;
      }
      return textOf(entry(at));
    },
    *all(count) {
      let at = 0;
      for (let i = 0; i < count; i++) {
        const found = entry(at);
        yield textOf(found);
        at = found.body + found.length;
      }
    },
  };
}

/** The 256 tokens: `kallsyms_token_index` holds where each starts in `kallsyms_token_table`. */
function readTokens(vmlinux: SymbolFile, address: (name: string) => bigint): string[] {
  const index = viewOf(vmlinux.atAddress(address('kallsyms_token_index'), 512));
  const last = index.getUint16(510, true);
  const table = Buffer.from(vmlinux.atAddress(address('kallsyms_token_table'), last + 1));
  const tail = Buffer.from(vmlinux.atAddress(address('kallsyms_token_table') + BigInt(last), 128));
  return Array.from({ length: 256 }, (_, i) => {
    const from = index.getUint16(i * 2, true);
    const bytes = i === 255 ? tail : table.subarray(from);
    return bytes.toString('latin1', 0, Math.max(bytes.indexOf(0), 0));
  });
}

function countByScan(all: (count: number) => Generator<string>, total: number): NameCount {
  const counts = lazily(() => {
    const map = new Map<string, number>();
    for (const name of all(total)) map.set(name, (map.get(name) ?? 0) + 1);
    return map;
  });
  return (name) => counts().get(name) ?? 0;
}
