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
 * @throws KlpError `struct-layout-changed` naming the structure and its fields
 */
export async function checkLayouts(
  changed: readonly AnalysedUnit[],
  files: readonly PatchedFile[],
  overlay: string,
  context: EngineContext,
): Promise<void> {
  for (const file of files) {
    const [line] = aggregatesTouched(file);
    const reader = changed.find(
      ({ unit }) => unit.source === file.path || unit.dependencies.includes(file.path),
    );
    if (line === undefined || !reader) continue;
    const { unit, dir } = reader;
    await stage(
      'layouts',
      context,
      async () => {
        const original = await describedTypes(unit, join(dir, 'original.types.bc'), context);
        const patched = await describedTypes(unit, join(dir, 'patched.types.bc'), context, overlay);
        const [first] = layoutChanges(layoutsIn(original), layoutsIn(patched));
        if (!first) return;
        throw new KlpError(
          'struct-layout-changed',
          `${first.type} changes its layout (${first.fields.slice(0, 3).join('; ')})`,
          { file: file.path, line, object: unit.object },
        );
      },
      unit.source,
    );
  }
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
