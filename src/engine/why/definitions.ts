import type { Graph, GraphEdge, TouchedDefinition } from '../../shared/graph.js';
import { filesOf, touchedDefinitions, type Touched } from '../patch/touched.js';
import type { PatchedFile, TranslationUnit } from '../types.js';

/** A definition that the patch touches, before it is known what becomes of it. */
export type Definition = Omit<TouchedDefinition, 'outcome'>;

/** What the patch touches, as the units see it. */
export interface Definitions {
  all: readonly Definition[];
  /** Those of the files that the unit reads; of all files when it reads none (a file that the patch adds). */
  of(unit: TranslationUnit): readonly Definition[];
  /**
   * What a unit's difference must come from when its code does not tell: macros, of which the compiler's output knows
   * nothing; else other definitions; else the places of the changes.
   */
  behind(unit: TranslationUnit): readonly Definition[];
}

const kindOf = (touched: Touched): Definition['kind'] =>
  touched.macro === true ? 'macro' : touched.function === true ? 'function' : 'other';

/** Reads from the text of the patched files which definitions the patch touches. */
export function definitionsIn(files: readonly PatchedFile[]): Definitions {
  const found = new Map(
    files.map((file) => [
      file.path,
      touchedDefinitions(file).map((touched): Definition => {
        const { name, line } = touched;
        return {
          id: `${file.path}:${name}`,
          name,
          kind: kindOf(touched),
          source: { file: file.path, line },
        };
      }),
    ]),
  );
  const places = new Map(
    files
      .filter((file) => found.get(file.path)?.length === 0)
      .map((file): [string, Definition] => {
        const line = file.changed[0]?.from ?? 1;
        const id = `${file.path}:${line}`;
        return [file.path, { id, name: id, kind: 'place', source: { file: file.path, line } }];
      }),
  );
  const read = (unit: TranslationUnit): readonly PatchedFile[] => {
    const own = filesOf(unit, files);
    return own.length > 0 ? own : files;
  };
  const of = (unit: TranslationUnit): Definition[] => read(unit).flatMap(({ path }) => found.get(path) ?? []);
  return {
    all: files.flatMap(({ path }) => {
      const place = places.get(path);
      return [...(found.get(path) ?? []), ...(place ? [place] : [])];
    }),
    of,
    behind(unit) {
      const own = of(unit);
      const macros = own.filter(({ kind }) => kind === 'macro');
      if (macros.length > 0) return macros;
      return own.length > 0 ? own : read(unit).flatMap(({ path }) => places.get(path) ?? []);
    },
  };
}

/** Names that the compiler gives to the function that `SYSCALL_DEFINEn(x, …)` defines, and to its entry points. */
export type NamesOf = (definition: Definition) => readonly string[];

/** A compared unit, as far as it tells of definitions that are not in the livepatch. */
export interface SeenUnit {
  unit: TranslationUnit;
  /** Names of the touched functions of which it has code, be it inlined. */
  withCode: ReadonlySet<string>;
  /** Touched functions of its own file that its configuration leaves out. */
  notBuilt: ReadonlySet<Definition>;
}

/** What became of each definition that the patch touches. @param edges of the finished graph */
export function outcomes(
  definitions: Definitions,
  edges: readonly GraphEdge[],
  seen: readonly SeenUnit[],
  namesOf: NamesOf,
): Graph['touched'] {
  const reached = new Map<string, Set<GraphEdge['how']>>();
  for (const { to, how } of edges) reached.set(to, (reached.get(to) ?? new Set()).add(how));
  const outcome = (definition: Definition): TouchedDefinition['outcome'] => {
    const hows = reached.get(definition.id);
    if (hows?.has('compiled-from') || hows?.has('entry-of')) return 'included';
    if (hows?.has('inlines')) return 'inlined';
    if (hows !== undefined) return 'referred';
    const readers = seen.filter(({ unit }) => definitions.of(unit).includes(definition));
    const hasCode = readers.some(({ withCode }) => namesOf(definition).some((name) => withCode.has(name)));
    // A unit that reads the same text with the patch was not even compared.
    if (definition.kind !== 'function' || readers.length === 0 || hasCode) return 'unchanged';
    return readers.some(({ notBuilt }) => notBuilt.has(definition)) ? 'not-built' : 'unused';
  };
  return definitions.all.map((definition) => ({ ...definition, outcome: outcome(definition) }));
}
