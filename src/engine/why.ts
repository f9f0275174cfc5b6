import type { ArchData } from '../shared/catalog.js';
import type { Graph } from '../shared/graph.js';
import type { PatchedFunction } from '../shared/result.js';
import type { KlpFunc } from './types.js';
import { outcomes, type Definitions, type NamesOf, type SeenUnit } from './why/definitions.js';
import { explainUnit, type IncludedUnit } from './why/graph.js';

/** What the functions of a system call `sys_x` have before its name on every architecture (linux/syscalls.h). */
const wrapperPrefixes = ['__se_', '__do_'];

/** How the compiler calls the functions that a touched definition becomes on an architecture. */
export function namesOn({ syscallPrefixes }: Pick<ArchData, 'syscallPrefixes'>): NamesOf {
  const prefixes = ['', ...wrapperPrefixes, ...syscallPrefixes];
  return ({ name }) => (/^(?:compat_)?sys_/.test(name) ? prefixes.map((prefix) => prefix + name) : [name]);
}

/**
 * Why everything in a livepatch is there, and what became of what the patch touches.
 * @param units those that the livepatch has something of
 * @param seen all units that were compared
 */
export function explain(
  units: readonly (IncludedUnit & { funcs: readonly KlpFunc[] })[],
  definitions: Definitions,
  seen: readonly SeenUnit[],
  namesOf: NamesOf,
): { functions: PatchedFunction[]; graph: Graph } {
  const parts = units.map((unit) => explainUnit(unit, definitions, namesOf));
  const nodes = parts.flatMap((part) => part.nodes);
  const edges = parts.flatMap((part) => part.edges);
  const touched = outcomes(definitions, edges, seen, namesOf);
  const names = new Map([...touched, ...nodes].map(({ id, name }) => [id, name]));
  const functions = parts.flatMap((part, i) =>
    part.nodes.flatMap((node): PatchedFunction[] => {
      const { object, name, why, source } = node;
      if (why === 'copied' || why === 'constant' || node.kind !== 'function') return [];
      const reasons = why === 'references' ? ['refers-to', 'interface-of'] : why === 'new' ? [] : ['inlines'];
      const because = part.edges.filter(({ from, how }) => from === node.id && reasons.includes(how));
      const entry = node.replaces ? units[i]?.funcs.find((k) => k.oldName === name) : undefined;
      return [
        {
          object,
          name,
          sympos: entry?.sympos ?? 0,
          why,
          because: [...new Set(because.map(({ to }) => names.get(to) ?? to))].sort(),
          source,
        },
      ];
    }),
  );
  const figures = {
    touched: touched.filter((t) => t.kind === 'function').length,
    included: functions.length,
  };
  return { functions, graph: { figures, touched, nodes, edges } };
}
