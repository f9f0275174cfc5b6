import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readElf } from '../../src/engine/elf/read.js';
import { writeElf } from '../../src/engine/elf/write.js';
import { convertToKlp } from '../../src/engine/klp/convert.js';
import { withTempDir } from '../../src/shared/files.js';
import { cpioArchive, type CpioEntry } from '../../src/verify/cpio.js';
import { startMachine } from '../../src/verify/qemu.js';
import type { BootAssets } from '../../src/verify/types.js';

/** What the guest said of the cases, and the whole console. */
export interface HardCases {
  /** `ok`, or why it failed; a case that was begun and never ended is missing. */
  results: Record<string, string>;
  console: string[];
}

/** Gives the livepatches among built modules (`*_patch.ko`) their klp symbols and relocations, in place. */
export async function finishLivepatches(dir: string): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.endsWith('_patch.ko')) continue;
    const path = join(dir, name);
    const ko = readElf(await readFile(path), name);
    convertToKlp(ko);
    await writeFile(path, writeElf(ko));
  }
}

/** The longest that all cases of a boot may take, on a busy machine that emulates. */
const limitMs = 15 * 60_000;

/** Boots a kernel once and runs cases of scripts/hard-cases.sh with the modules of a folder. */
export async function runHardCases(
  assets: Pick<BootAssets, 'kernel' | 'busybox' | 'arch'>,
  modules: string,
  cases: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Promise<HardCases> {
  const names = (await readdir(modules)).filter((name) => name.endsWith('.ko'));
  const file = async (path: string, from: string, mode = 0o644): Promise<CpioEntry> => ({
    type: 'file',
    path,
    mode,
    data: await readFile(from),
  });
  const archive = cpioArchive([
    await file('init', join(import.meta.dirname, 'scripts', 'hard-cases.sh'), 0o755),
    await file('bin/busybox', assets.busybox, 0o755),
    ...(await Promise.all(names.map((name) => file(`m/${name}`, join(modules, name))))),
    { type: 'file', path: 'run/cases', data: Buffer.from(cases.join('\n')) },
    { type: 'char', path: 'dev/console', major: 5, minor: 1 },
  ]);
  const result: HardCases = { results: {}, console: [] };
  await withTempDir('klp-hard-cases', async (dir) => {
    const initramfs = join(dir, 'initramfs');
    await writeFile(initramfs, gzipSync(archive, { level: 1 }));
    const machine = startMachine(
      { arch: assets.arch, accelerator: 'tcg', kernel: assets.kernel, initramfs },
      {
        signal: AbortSignal.timeout(limitMs),
        onLine: (line) => {
          result.console.push(line);
          onLine(line);
          const [, how, name, why] = /HARD (ok|failed) (\w+)(?:: (.*))?$/.exec(line) ?? [];
          if (name !== undefined) result.results[name] = how === 'ok' ? 'ok' : (why ?? '');
        },
      },
    );
    await machine.ended;
  });
  return result;
}
