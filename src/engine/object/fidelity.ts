import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import { run, shellLine } from '../../shared/run.js';
import { SHF, SHT } from '../elf/constants.js';
import type { ElfFile, ElfRela, ElfSection } from '../elf/model.js';
import { relocationsOf } from '../elf/query.js';
import { readElf } from '../elf/read.js';
import type { KernelTree, TranslationUnit } from '../types.js';
import type { CompileContext } from './compile.js';

/**
 * Proves that compiler, options and sources are those of the running kernel: the code generated from the unpatched
 * file must be the code in the kernel build, section by section, relocation by relocation. Where the build ran
 * objtool on the object, it runs here too, on a copy.
 * @throws KlpError `compile-mismatch` naming the first difference
 */
export async function proveMatch(
  tree: KernelTree,
  unit: TranslationUnit,
  generated: string,
  context: CompileContext,
): Promise<void> {
  let ours = generated;
  if (unit.objtool) {
    ours = `${generated}.objtool`;
    await copyFile(generated, ours);
    await run([...unit.objtool, ours], {
      cwd: unit.cwd,
      ...(context.signal ? { signal: context.signal } : {}),
    });
  }
  const kernel = join(tree.dir, unit.object);
  const [a, b] = await Promise.all([readFile(ours), readFile(kernel)]);
  const difference = firstDifference(readElf(a, ours), readElf(b, kernel));
  if (difference === undefined) return;
  throw new KlpError(
    'compile-mismatch',
    `${unit.source} compiled again with the recorded options does not give the code of ${unit.object}: ${difference}`,
    {
      file: unit.source,
      object: unit.object,
      output: `kernel built by ${tree.compilerText}`,
      command: shellLine(unit.compile, unit.cwd),
    },
  );
}

/** The first difference between what two objects load into memory, in words; undefined when there is none. */
export function firstDifference(ours: ElfFile, kernel: ElfFile): string | undefined {
  const loaded = (file: ElfFile): ElfSection[] =>
    file.sections.filter((s) => (s.flags & SHF.ALLOC) !== 0 && s.size > 0 && s.type !== SHT.RELA);
  const mine = loaded(ours);
  const theirs = loaded(kernel);
  for (const [i, section] of mine.entries()) {
    const other = theirs[i];
    if (other?.name !== section.name)
      return `section ${section.name} is ${other ? `${other.name} there` : 'not there'}`;
    if (other.size !== section.size)
      return `section ${section.name} has ${section.size} bytes, not ${other.size}`;
    const at = firstByte(section.data, other.data);
    if (at >= 0) return `section ${section.name} differs at offset 0x${at.toString(16)}`;
    const relocation = firstRelocation(relocationsOf(ours, section), relocationsOf(kernel, other));
    if (relocation !== undefined) return `section ${section.name}: ${relocation}`;
  }
  const extra = theirs[mine.length];
  return extra && `section ${extra.name} is only there`;
}

function firstByte(a: Uint8Array, b: Uint8Array): number {
  if (Buffer.compare(a, b) === 0) return -1;
  return a.findIndex((byte, i) => byte !== b[i]);
}

function firstRelocation(a: ElfRela[], b: ElfRela[]): string | undefined {
  if (a.length !== b.length) return `${a.length} relocations, not ${b.length}`;
  const order = (list: ElfRela[]): string[] => list.map(describe).sort();
  const theirs = order(b);
  return order(a).find((line, i) => line !== theirs[i]);
}

function describe(rela: ElfRela): string {
  const { symbol } = rela;
  const place = symbol?.place;
  // Local symbols are named by where they are: a section symbol with an addend says the same as a symbol there.
  const target =
    symbol && symbol.binding === 0 && typeof place === 'object'
      ? `${place.name}+${symbol.value + rela.addend}`
      : `${symbol?.name ?? ''}+${rela.addend}`;
  return `relocation ${rela.type} at 0x${rela.offset.toString(16)} against ${target}`;
}
