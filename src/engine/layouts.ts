import { join } from 'node:path';
import { KlpError } from '../shared/errors.js';
import { stage } from '../shared/progress.js';
import type { AnalysedUnit } from './analyse.js';
import type { EngineContext } from './context.js';
import { layoutChanges, layoutsIn } from './diff/layout.js';
import { compileToBitcode, disassemble } from './object/compile.js';
import { aggregatesTouched } from './patch/touched.js';
import type { PatchedFile, TranslationUnit } from './types.js';

/**
 * Looks at the layout of structures when the patch touches the definition of one: the running kernel is full of objects
 * of the old layout, made and used by code that the patch does not replace.
 * @returns looks at the files that a changed unit reads, each with the first unit that comes; it throws KlpError
 *   `struct-layout-changed` naming the structure and its fields
 */
export function layoutCheck(
  files: readonly PatchedFile[],
  overlay: string,
  context: EngineContext,
): (changed: AnalysedUnit) => Promise<void> {
  const open = new Set(files.filter((file) => aggregatesTouched(file).length > 0));
  return async ({ unit, dir }) => {
    const read = [...open].filter(({ path }) => unit.source === path || unit.dependencies.includes(path));
    if (read.length === 0) return;
    for (const file of read) open.delete(file);
    await stage(
      'layouts',
      context,
      async () => {
        const original = await describedTypes(unit, join(dir, 'original.types.bc'), context);
        const patched = await describedTypes(unit, join(dir, 'patched.types.bc'), context, overlay);
        const [first] = layoutChanges(layoutsIn(original), layoutsIn(patched));
        const defines = new RegExp(`\\b${first?.type}\\b[^;]*\\{`);
        const file = read.find(({ patched: text }) => defines.test(text)) ?? read[0];
        const line = file && aggregatesTouched(file)[0];
        if (first === undefined || file === undefined || line === undefined) return;
        throw new KlpError(
          'struct-layout-changed',
          `${first.type} changes its layout (${first.fields.slice(0, 3).join('; ')})`,
          { file: file.path, line },
        );
      },
      unit.source,
    );
  };
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
