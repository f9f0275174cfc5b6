import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../shared/run.js';
import { physicalLines } from '../patch/diagnostics.js';
import type { KernelTree, TranslationUnit } from '../types.js';

export interface CompileContext {
  signal?: AbortSignal;
  /** How much debug information; line tables unless given. */
  debug?: '-gline-tables-only' | '-g';
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
 * Compiles a translation unit to optimised bitcode with the recorded options. Line tables are added for the
 * report; they do not change the code, and the proof of match would show it if they did.
 * @param overlay a clang VFS overlay file with patched files in the place of the originals, if any
 * @throws KlpError `does-not-compile` with the compiler's output
 */
export async function compileToBitcode(
  unit: TranslationUnit,
  output: string,
  context: CompileContext,
  overlay?: string,
): Promise<void> {
  await run(
    [
      ...withoutFiles(unit),
      ...(overlay === undefined ? [] : ['-ivfsoverlay', overlay, ...physicalLines]),
      context.debug ?? '-gline-tables-only',
      '-emit-llvm',
      '-c',
      '-o',
      output,
      recordedSource(unit),
    ],
    {
      cwd: unit.cwd,
      failure: 'does-not-compile',
      message: `${unit.source} does not compile`,
      ...(context.signal ? { signal: context.signal } : {}),
    },
  );
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

/**
 * The recorded command for IR input. Line tables in the input are left out of the code: where a target describes stack
 * frames for a debugger, the descriptions keep its scheduler from moving instructions past them.
 */
export function codeArgv(unit: TranslationUnit, input: string, output: string): string[] {
  const kept: string[] = [];
  const recorded = withoutFiles(unit);
  for (let i = 0; i < recorded.length; i += 1) {
    const argument = recorded[i] ?? '';
    if (frontEnd.withValue.has(argument)) i += 1;
    else if (i === 0 || !frontEnd.alone.test(argument)) kept.push(argument);
  }
  const codeOnly = ['-Xclang', '-disable-llvm-passes', '-mllvm', '-disable-debug-info-print'];
  return [...kept, ...codeOnly, '-x', 'ir', '-c', '-o', output, input];
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
  let n = 0;
  for (const [path, content] of files) {
    n += 1;
    const contents = join(dir, `overlay-${n}`);
    await writeFile(contents, content);
    roots.push({ type: 'file', name: join(tree.source, path), 'external-contents': contents });
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
