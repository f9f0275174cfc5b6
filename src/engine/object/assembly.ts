import { KlpError } from '../../shared/errors.js';
import { run } from '../../shared/run.js';
import { whyApart } from '../kernel/apart.js';
import type { PatchedFile, TranslationUnit } from '../types.js';
import { sameButUnused } from './declarations.js';

export interface AssemblyContext {
  /** The VFS overlay that serves the patched files. */
  overlay: string;
  signal?: AbortSignal;
}

/**
 * Headers are read by assembly files, too, which cannot be livepatched. This shows that the patch makes no
 * difference to any of them, by preprocessing each with and without it.
 * @param units all units that the patch reaches
 * @returns the units compiled from C
 * @throws KlpError `assembly-changed`
 */
export async function withoutAssembly(
  units: readonly TranslationUnit[],
  files: readonly PatchedFile[],
  context: AssemblyContext,
): Promise<TranslationUnit[]> {
  for (const unit of units.filter(isAssembly)) {
    const [original, patched] = await bothTexts(unit, ['-E', '-P'], context);
    if (withoutEmptyLines(original) === withoutEmptyLines(patched)) continue;
    throw new KlpError(
      'assembly-changed',
      `${unit.source} reads ${namesOf(unit, files)}, and differs with the patch`,
      { file: unit.source, object: unit.object },
    );
  }
  return units.filter((unit) => !isAssembly(unit));
}

/**
 * What the patch makes of the text that a unit is compiled from: nothing, other declarations that the unit does not use,
 * or what may be other code. The preprocessor tells in a fraction of a compilation's time, and a header like sched.h
 * reaches more than a thousand units.
 */
export async function textWithPatch(
  unit: TranslationUnit,
  context: AssemblyContext,
): Promise<'same' | 'unused' | 'different'> {
  const [original, patched] = await bothTexts(unit, ['-E', '-P'], context);
  if (original === patched) return 'same';
  return sameButUnused(original, patched) ? 'unused' : 'different';
}

/**
 * Shows that the constants which the kernel build takes from C for assembly code and for modpost stay the same.
 * @param offsets the files that they are taken from (`offsetUnits`)
 * @throws KlpError `assembly-changed`
 */
export async function checkOffsets(
  offsets: readonly TranslationUnit[],
  files: readonly PatchedFile[],
  context: AssemblyContext,
): Promise<void> {
  for (const unit of offsets) {
    const [original, patched] = (await bothTexts(unit, ['-S'], context)).map(constants) as [
      Constants,
      Constants,
    ];
    const differing = [...new Set([...original.keys(), ...patched.keys()])].filter(
      (name) => original.get(name) !== patched.get(name),
    );
    if (differing.length === 0) continue;
    const names = differing
      .slice(0, 3)
      .map((name) => `${name} (${original.get(name) ?? 'none'} to ${patched.get(name) ?? 'none'})`);
    throw new KlpError(
      'assembly-changed',
      `with ${namesOf(unit, files)} changed, constants that assembly code was built with differ: ${names.join(', ')}`,
      { file: unit.source },
    );
  }
}

/**
 * Shows that what the patch reaches beside the kernel and its modules stays as it is: a livepatch could not replace it.
 * @param apart those that the patch reaches, see `unitsApart`
 * @throws KlpError `object-not-livepatchable`
 */
export async function checkApart(
  apart: readonly TranslationUnit[],
  files: readonly PatchedFile[],
  context: AssemblyContext,
): Promise<void> {
  for (const unit of apart) {
    const [original, patched] = await bothTexts(unit, ['-E', '-P'], context);
    if (withoutEmptyLines(original) === withoutEmptyLines(patched)) continue;
    if (!isAssembly(unit)) {
      const [before, after] = await bothTexts(unit, ['-S', '-g0'], context);
      if (before === after) continue;
    }
    throw new KlpError(
      'object-not-livepatchable',
      `${unit.source}, ${whyApart(unit.object)}, reads ${namesOf(unit, files)} and differs with the patch`,
      {
        file: files.find(({ path }) => unit.dependencies.includes(path))?.path ?? unit.source,
        object: unit.object,
      },
    );
  }
}

type Constants = ReadonlyMap<string, string>;

/** Kbuild's way to get constants out of a compiler: `.ascii "->NAME $value expression"` (include/linux/kbuild.h). */
function constants(assembly: string): Constants {
  const found = assembly.matchAll(/"->(\w+) [$#]?(\S+) /g);
  return new Map([...found].map(([, name = '', value = '']) => [name, value]));
}

/** What the recorded compiler prints for a file with and without the patch, up to the step that `mode` names. */
export async function bothTexts(
  unit: TranslationUnit,
  mode: readonly string[],
  context: AssemblyContext,
): Promise<[string, string]> {
  const original = await textOf(unit, mode, [], context);
  return [original, await textOf(unit, mode, ['-ivfsoverlay', context.overlay], context)];
}

/** The patched source of a unit as the preprocessor gives it to the compiler. @throws KlpError `does-not-compile` */
export function preprocessed(unit: TranslationUnit, context: AssemblyContext): Promise<string> {
  return textOf(unit, ['-E', '-P'], ['-ivfsoverlay', context.overlay], context);
}

async function textOf(
  unit: TranslationUnit,
  mode: readonly string[],
  overlay: readonly string[],
  context: AssemblyContext,
): Promise<string> {
  const kept: string[] = [];
  for (let i = 0; i < unit.compile.length - 1; i++) {
    const argument = unit.compile[i] ?? '';
    if (argument === '-o') i++;
    else if (argument !== '-c' && argument !== '-S' && !argument.startsWith('-Wp,-M')) kept.push(argument);
  }
  const source = unit.compile.at(-1) ?? unit.source;
  const { stdout } = await run([...kept, ...overlay, ...mode, '-o', '-', source], {
    cwd: unit.cwd,
    failure: 'does-not-compile',
    message: `${unit.source} does not compile`,
    ...(context.signal ? { signal: context.signal } : {}),
  });
  return stdout;
}

/** They mean nothing to an assembler or a linker; the preprocessor leaves them where comments were. */
function withoutEmptyLines(text: string): string {
  return text.replace(/\n\s*(?=\n)/g, '').trim();
}

function isAssembly({ source }: TranslationUnit): boolean {
  return /\.[sS]$/.test(source);
}

function namesOf(unit: TranslationUnit, files: readonly PatchedFile[]): string {
  return files
    .map((file) => file.path)
    .filter((path) => unit.dependencies.includes(path))
    .join(', ');
}
