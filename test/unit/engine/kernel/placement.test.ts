import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SHF, SHN, STB, STT } from '../../../../src/engine/elf/constants.js';
import type { ElfFile, ElfSymbol } from '../../../../src/engine/elf/model.js';
import { writeElf } from '../../../../src/engine/elf/write.js';
import { placeObject } from '../../../../src/engine/kernel/placement.js';
import { openSymbolFile, type SymbolFile } from '../../../../src/engine/kernel/symbol-file.js';
import { elf, section, symbol } from '../../../helpers/elf.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'placement-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

async function opened(name: string, file: ElfFile): Promise<SymbolFile> {
  await writeFile(join(dir, name), writeElf(file));
  return openSymbolFile(join(dir, name), name);
}

const local = { binding: STB.LOCAL };
const fileName = (name: string): ElfSymbol => symbol(name, { ...local, type: STT.FILE, place: SHN.ABS });

/** A file of one section of code, to which each input adds `size` bytes and the symbols at their offsets in it. */
function textOf(inputs: { file: string; size: number; fill: number; at: [string, number][] }[]): ElfFile {
  const text = section('.text', SHF.ALLOC | SHF.EXECINSTR, 0);
  const symbols: ElfSymbol[] = [];
  const content: number[] = [];
  for (const { file, size, fill, at } of inputs) {
    const base = content.length;
    content.push(...new Array<number>(size).fill(fill));
    symbols.push(
      fileName(file),
      ...at.map(([name, offset]) =>
        symbol(name, {
          ...local,
          type: name.startsWith('$') ? STT.NOTYPE : STT.FUNC,
          place: text,
          value: BigInt(base + offset),
        }),
      ),
    );
  }
  Object.assign(text, { size: content.length, data: Uint8Array.from(content) });
  return elf([text], symbols);
}

describe('the place of an object in what it was linked into', () => {
  const input = { file: 'b.c', size: 32, fill: 7 };
  const other = {
    file: 'a.c',
    size: 16,
    fill: 9,
    at: [
      ['$x', 0],
      ['helper', 0],
    ] as [string, number][],
  };

  it.each(['$x', '$d', '$x.12', '.Ltmp0'])(
    'does not rest on %s, of which there are several and which a link may leave out',
    async (label) => {
      const object = await opened(
        'b.o',
        textOf([
          {
            ...input,
            at: [
              [label, 0],
              ['helper', 8],
              [label, 16],
            ],
          },
        ]),
      );
      const linked = await opened(
        'vmlinux',
        textOf([
          other,
          {
            ...input,
            at: [
              ['helper', 8],
              [label, 24],
            ],
          },
        ]),
      );
      const found = placeObject(object, linked);
      expect(found).toMatchObject({ ok: true });
      expect(found.ok && [...found.placement.sections.values()].map((s) => s.base)).toEqual([16n]);
    },
  );

  it('takes other names with a dollar sign for what they are', async () => {
    const object = await opened(
      'b.o',
      textOf([
        {
          ...input,
          at: [
            ['$name', 0],
            ['helper', 8],
          ],
        },
      ]),
    );
    const linked = await opened(
      'vmlinux',
      textOf([
        other,
        {
          ...input,
          at: [
            ['$name', 4],
            ['helper', 8],
          ],
        },
      ]),
    );
    expect(placeObject(object, linked)).toMatchObject({ ok: false });
  });
});
