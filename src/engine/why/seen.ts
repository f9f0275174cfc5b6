import { field } from '../ir/debug-nodes.js';
import type { IrModule } from '../ir/module.js';
import { preprocessed, type AssemblyContext } from '../object/assembly.js';
import type { TranslationUnit } from '../types.js';
import type { Definitions, NamesOf, SeenUnit } from './definitions.js';

/**
 * What a compared unit tells of the functions that the patch touches: of which it has code, and which of its own file
 * the preprocessor takes away.
 * @throws KlpError `does-not-compile`
 */
export async function see(
  unit: TranslationUnit,
  patched: IrModule,
  definitions: Definitions,
  namesOf: NamesOf,
  reading: AssemblyContext,
): Promise<SeenUnit> {
  const touched = definitions.of(unit).filter(({ kind }) => kind === 'function');
  const all = functionsWithCode(patched);
  const withCode = new Set(touched.flatMap((d) => namesOf(d)).filter((name) => all.has(name)));
  const missing = touched.filter(
    (d) => d.source.file === unit.source && !namesOf(d).some((name) => withCode.has(name)),
  );
  if (missing.length === 0) return { unit, withCode, notBuilt: new Set() };
  const text = await preprocessed(unit, reading);
  const notBuilt = missing.filter((d) => !namesOf(d).some((name) => isDefinedIn(text, name)));
  return { unit, withCode, notBuilt: new Set(notBuilt) };
}

/** Functions that are compiled or inlined in a module (LLVM Language Reference, "DISubprogram"). */
function functionsWithCode({ metadata }: IrModule): Set<string> {
  const names = new Set<string>();
  for (const node of metadata.values()) {
    const name = node.includes('!DISubprogram(') ? field(node, 'name') : undefined;
    if (name !== undefined) names.add(name);
  }
  return names;
}

/** Does a preprocessed text define the function? Its head begins at a line without indentation, as no call does. */
function isDefinedIn(text: string, name: string): boolean {
  return new RegExp(String.raw`^[A-Za-z_][^;{}:]*?\b${name}\s*\([^;{}]*\{`, 'm').test(text);
}
