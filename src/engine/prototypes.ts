import { join } from 'node:path';
import { KlpError } from '../shared/errors.js';
import { stage } from '../shared/progress.js';
import type { AnalysedUnit } from './analyse.js';
import type { EngineContext } from './context.js';
import type { IsExported } from './diff/interface.js';
import { prototypesIn } from './diff/prototype.js';
import { describedTypes } from './layouts.js';
import { filesOf, headOf, lineOf } from './patch/touched.js';
import type { PatchedFile, TranslationUnit } from './types.js';

/**
 * Looks at the source types of exported functions that change. Another type may make no difference in code (`int *` for
 * `long *`), and a module that this kernel's build does not know would pass the old one.
 * @throws KlpError `export-changed` naming both types
 */
export async function checkPrototypes(
  changed: readonly AnalysedUnit[],
  files: readonly PatchedFile[],
  isExported: IsExported,
  overlay: string,
  context: EngineContext,
): Promise<void> {
  for (const { unit, dir, diff } of changed) {
    const names = [...diff.changed].filter((name) => isExported(unit, name) && mayDiffer(unit, files, name));
    if (names.length === 0) continue;
    await stage(
      'prototypes',
      context,
      async () => {
        const original = prototypesIn(await describedTypes(unit, join(dir, 'original.types.bc'), context));
        const patched = prototypesIn(
          await describedTypes(unit, join(dir, 'patched.types.bc'), context, overlay),
        );
        for (const name of names) {
          const [before, after] = [original.get(name), patched.get(name)];
          if (before === after) continue;
          const file = files.find((f) => f.path === unit.source);
          const line = lineOf(file, name);
          throw new KlpError(
            'export-changed',
            `${name} is exported and changes its type from ${before ?? 'none'} to ${after ?? 'none'}, and modules that are not part of this kernel may call it`,
            {
              file: unit.source,
              function: name,
              object: unit.object,
              ...(line === undefined ? {} : { line }),
            },
          );
        }
      },
      unit.source,
    );
  }
}

/** Unless the function's head is the same in a source whose headers stay as they are, its type may be another one. */
function mayDiffer(unit: TranslationUnit, files: readonly PatchedFile[], name: string): boolean {
  const read = filesOf(unit, files);
  const own = read.find((f) => f.path === unit.source);
  if (!own || read.length > 1) return true;
  const [before, after] = [headOf(own.original, name), headOf(own.patched, name)];
  return before === undefined || before !== after;
}
