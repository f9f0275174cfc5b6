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
        const read = async (name: string, served?: string): Promise<string> => {
          const bitcode = join(dir, `${name}.layout.bc`);
          await compileToBitcode(withAllTypes(unit), bitcode, { ...context, debug: '-g' }, served);
          return await disassemble(unit, bitcode, context);
        };
        const [original, patched] = [await read('original'), await read('patched', overlay)];
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

/** Types that no code uses are described as well; IR passes are left out, for their result is not looked at. */
function withAllTypes(unit: TranslationUnit): TranslationUnit {
  const [program = '', ...rest] = unit.compile;
  return {
    ...unit,
    compile: [program, '-fno-eliminate-unused-debug-types', '-Xclang', '-disable-llvm-passes', ...rest],
  };
}
