import { join } from 'node:path';
import { KlpError } from '../shared/errors.js';
import { inParallel } from '../shared/parallel.js';
import { stage } from '../shared/progress.js';
import type { AnalysedUnit } from './analyse.js';
import type { EngineContext } from './context.js';
import {
  enumeratorsIn,
  layoutChanges,
  layoutsIn,
  renumbered,
  type LayoutChange,
  type Renumbered,
} from './diff/layout.js';
import { compileToBitcode, disassemble } from './object/compile.js';
import { aggregatesTouched, filesOf, touchedDefinitions } from './patch/touched.js';
import type { PatchedFile, TranslationUnit } from './types.js';

/**
 * Looks at all structures and enumerators that a changed unit knows, whatever the patch changes: the running kernel is
 * full of objects of the old layout, made and used by code that the patch does not replace. A layout may also follow from
 * a macro or an enumerator, and be known to some readers of a header only.
 * @returns the enumerators that count others and count more or fewer with the patch
 * @throws KlpError `struct-layout-changed` naming the structure and its fields, `enumerators-renumbered`
 */
export async function checkLayouts(
  { unit, dir }: AnalysedUnit,
  files: readonly PatchedFile[],
  overlay: string,
  context: EngineContext,
): Promise<Renumbered[]> {
  const read = filesOf(unit, files);
  return await stage(
    'layouts',
    context,
    async () => {
      const [original = '', patched = ''] = await inParallel(['original', 'patched'], 2, (which) =>
        describedTypes(
          unit,
          join(dir, `${which}.types.bc`),
          context,
          which === 'patched' ? overlay : undefined,
        ),
      );
      const [first] = layoutChanges(layoutsIn(original), layoutsIn(patched));
      if (first !== undefined) throw refusal(first, read);
      const { moved, counts } = renumbered(enumeratorsIn(original), enumeratorsIn(patched));
      if (moved.length > 0) throw renumberedRefusal(moved, read);
      return counts;
    },
    unit.source,
  );
}

function refusal({ type, fields }: LayoutChange, read: readonly PatchedFile[]): KlpError {
  const message = `${type} changes its layout (${fields.slice(0, 3).join('; ')})`;
  return new KlpError('struct-layout-changed', message, placeOfType(type, read));
}

/** Where the patch changes a type: in its definition, else where it changes any, else somewhere. */
export function placeOfType(type: string, read: readonly PatchedFile[]): { file?: string; line?: number } {
  const defines = new RegExp(String.raw`\b${type}\s*\{`);
  const touched = read.filter((file) => aggregatesTouched(file).length > 0);
  const file = touched.find(({ patched }) => defines.test(patched)) ?? touched[0] ?? read[0];
  if (file === undefined) return {};
  const line = lineIn(type, file) ?? aggregatesTouched(file)[0] ?? outsideFunctions(file);
  return { file: file.path, ...(line === undefined ? {} : { line }) };
}

function renumberedRefusal(moved: readonly Renumbered[], read: readonly PatchedFile[]): KlpError {
  const names = moved.slice(0, 3).map(({ name, from, to }) => `${name} (${from} -> ${to})`);
  const more = moved.length > 3 ? ` and ${moved.length - 3} more` : '';
  const file = read.find(({ patched }) => new RegExp(`\\b${moved[0]?.name}\\b`).test(patched)) ?? read[0];
  const line = file && outsideFunctions(file);
  return new KlpError('enumerators-renumbered', `${names.join(', ')}${more} change their values`, {
    ...(file === undefined ? {} : { file: file.path }),
    ...(line === undefined ? {} : { line }),
  });
}

/** The first changed line in the definition of a type. */
function lineIn(type: string, file: PatchedFile): number | undefined {
  const lines = file.patched.split('\n');
  const head = new RegExp(`^(?:typedef\\s+)?(\\w+\\s+\\w+)\\b[^;()=]*\\{`);
  return aggregatesTouched(file).find((line) => {
    const start = lines.slice(0, line).findLast((text) => head.test(text)) ?? '';
    return head.exec(start)?.[1]?.replace(/\s+/, ' ') === type;
  });
}

/** The first changed line that is not known to be a function's. */
function outsideFunctions(file: PatchedFile): number | undefined {
  const functions = new Set(touchedDefinitions(file).flatMap((t) => (t.function === true ? [t.line] : [])));
  return (file.changed.find(({ from }) => !functions.has(from)) ?? file.changed[0])?.from;
}

/**
 * Textual IR of a unit with a description of every type it knows.
 * @param bitcode file to write
 * @param overlay as for compileToBitcode
 */
export async function describedTypes(
  unit: TranslationUnit,
  bitcode: string,
  context: EngineContext,
  overlay?: string,
): Promise<string> {
  await compileToBitcode(withAllTypes(unit), bitcode, { ...context, debug: '-g' }, overlay);
  return await disassemble(unit, bitcode, context);
}

/** Types that no code uses are described as well; IR passes are left out, for their result is not looked at. */
function withAllTypes(unit: TranslationUnit): TranslationUnit {
  const [program = '', ...rest] = unit.compile;
  return {
    ...unit,
    compile: [program, '-fno-eliminate-unused-debug-types', '-Xclang', '-disable-llvm-passes', ...rest],
  };
}
