import { realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../shared/run.js';
import { physicalLines } from '../patch/diagnostics.js';
import type { KernelTree, TranslationUnit } from '../types.js';

export interface CompileContext {
  signal?: AbortSignal;
  /** Full debug information instead of places in the source alone. */
  debug?: '-g';
}

/** Options that a preprocessor or a front end reads and that mean nothing for IR input, with their separate values. */
const frontEnd = {
  alone:
    /^(?:-[IDU].|-i(?:quote|system|prefix|withprefix).|-W|-w$|-nostdinc$|-fmacro-prefix-map=|-ffile-prefix-map=|-fplugin|-include.)/,
  withValue: new Set([
    '-I',
    '-D',
    '-U',
    '-include',
    '-isystem',
    '-iquote',
    '-idirafter',
    '-imacros',
    '-Xpreprocessor',
    '-x',
  ]),
};

/** The recorded command without its input, its output and its dependency file. */
function withoutFiles(unit: TranslationUnit): string[] {
  const kept: string[] = [];
  const { compile } = unit;
  for (let i = 0; i < compile.length; i += 1) {
    const argument = compile[i] ?? '';
    if (argument === '-o') i += 1;
    else if (argument !== '-c' && !argument.startsWith('-Wp,-M') && !isInput(unit, argument, i))
      kept.push(argument);
  }
  return kept;
}

function isInput(unit: TranslationUnit, argument: string, index: number): boolean {
  return index === unit.compile.length - 1 && !argument.startsWith('-');
}

/** The recorded source argument as it was written: it ends up in `__FILE__` and must not change. */
export function recordedSource(unit: TranslationUnit): string {
  return unit.compile.at(-1) ?? unit.source;
}

/**
 * Compiles a translation unit to optimised bitcode with the recorded options, and with places in the source for the report.
 * @param overlay a clang VFS overlay file with patched files in the place of the originals, if any
 * @throws KlpError `does-not-compile` with the compiler's output
 */
export async function compileToBitcode(
  unit: TranslationUnit,
  output: string,
  context: CompileContext,
  overlay?: string,
): Promise<void> {
  const served = overlay === undefined ? [] : ['-ivfsoverlay', overlay, ...physicalLines];
  await run(bitcodeArgv(unit, output, context.debug, served), {
    cwd: unit.cwd,
    failure: 'does-not-compile',
    message: `${unit.source} does not compile`,
    ...(context.signal ? { signal: context.signal } : {}),
  });
}

/** The recorded command with bitcode as its output; `more` are options for it. */
export function bitcodeArgv(
  unit: TranslationUnit,
  output: string,
  debug?: string,
  more: readonly string[] = [],
): string[] {
  const places = debug ?? placesFor(unit);
  return [...withoutFiles(unit), ...more, places, '-emit-llvm', '-c', '-o', output, recordedSource(unit)];
}

/**
 * The option that makes a compiler keep places in the source. Where the recorded command makes debug information, less of
 * it. Elsewhere none, because on some targets (arm64) its descriptions of stack frames hold the scheduler back and so change
 * the code; but a compiler that may have to report an optimisation keeps places without making debug information of them.
 */
function placesFor(unit: TranslationUnit): string {
  const debug = /^-g(?:[1-3]|mlt|full|line-tables-only|dwarf(?:-\d)?)?$/;
  return unit.compile.some((argument) => debug.test(argument)) ? '-gline-tables-only' : '-Rpass=^$';
}

/**
 * Generates code from optimised IR or bitcode with the recorded options and no IR pass: instrumentation that ran
 * once must not run again, and the code must be what the kernel build made of the same IR.
 */
export async function generateCode(
  unit: TranslationUnit,
  input: string,
  output: string,
  context: CompileContext,
): Promise<void> {
  await run(codeArgv(unit, input, output), {
    cwd: unit.cwd,
    message: `no code could be generated for ${unit.source}`,
    ...(context.signal ? { signal: context.signal } : {}),
  });
}

/** The same code as `generateCode` gives, as the text that it is assembled from, without the compiler's comments. */
export async function listCode(
  unit: TranslationUnit,
  input: string,
  output: string,
  context: CompileContext,
): Promise<void> {
  await run([...codeArgv(unit, input, output, '-S'), '-fno-verbose-asm'], {
    cwd: unit.cwd,
    message: `no code could be generated for ${unit.source}`,
    ...(context.signal ? { signal: context.signal } : {}),
  });
}

/** The recorded command for IR input; `form` is what comes out: an object (`-c`) or the assembly that makes it (`-S`). */
export function codeArgv(
  unit: TranslationUnit,
  input: string,
  output: string,
  form: '-c' | '-S' = '-c',
): string[] {
  const kept: string[] = [];
  const recorded = withoutFiles(unit);
  for (let i = 0; i < recorded.length; i += 1) {
    const argument = recorded[i] ?? '';
    if (frontEnd.withValue.has(argument)) i += 1;
    else if (i === 0 || !frontEnd.alone.test(argument)) kept.push(argument);
  }
  return [...kept, '-Xclang', '-disable-llvm-passes', '-x', 'ir', form, '-o', output, input];
}

/** Textual IR of a bitcode file, by the llvm-dis that belongs to the recorded compiler (`clang-19`: `llvm-dis-19`). */
export async function disassemble(
  unit: TranslationUnit,
  bitcode: string,
  context: CompileContext,
): Promise<string> {
  const program = (unit.compile[0] ?? 'clang').replace(/clang(-\d+)?$/, 'llvm-dis$1');
  const { stdout } = await run([program, '-o', '-', bitcode], {
    ...(context.signal ? { signal: context.signal } : {}),
  });
  return stdout;
}

/**
 * Writes a clang VFS overlay (clang/lib/…/VirtualFileSystem: `-ivfsoverlay`) that serves `files` (path relative to the
 * source tree -> content) in the place of the originals, for every way the compiler may spell their paths.
 */
export async function writeOverlay(
  tree: KernelTree,
  files: ReadonlyMap<string, string>,
  dir: string,
): Promise<string> {
  const roots: object[] = [];
  const spellings = new Set([tree.source, await realpath(tree.source)]);
  let n = 0;
  for (const [path, content] of files) {
    n += 1;
    const contents = join(dir, `overlay-${n}`);
    await writeFile(contents, content);
    for (const source of spellings)
      roots.push({ type: 'file', name: join(source, path), 'external-contents': contents });
  }
  const overlay = join(dir, 'overlay.yaml');
  await writeFile(overlay, JSON.stringify({ version: 0, 'use-external-names': false, roots }));
  return overlay;
}

/** The first error among a compiler's messages. */
export function firstDiagnostic(output: string): { file: string; line: number; message: string } | undefined {
  const found = /^(?:\.\/)?([^\s:]+):(\d+)(?::\d+)?: (?:fatal )?error: (.*)$/m.exec(output);
  if (!found) return undefined;
  return { file: found[1] ?? '', line: Number(found[2]), message: found[3] ?? '' };
}
