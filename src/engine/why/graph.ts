import { baseName, canonicaliser } from '../ir/canonical.js';
import { debugInfo } from '../ir/debug.js';
import type { GraphEdge, GraphNode } from '../../shared/graph.js';
import type { AnalysedUnit } from '../analyse.js';
import { isAnonymous } from '../ir/instrumentation.js';
import type { Selection } from '../distill/select.js';
import type { IrFunction, IrGlobal, IrVariable } from '../ir/module.js';
import { addressesIn, globalsIn, labelOwnersIn } from '../ir/text.js';
import type { Definition, Definitions, NamesOf } from './definitions.js';

/** A unit of the livepatch: how it differs, and what of it is in there. */
export interface IncludedUnit {
  analysed: Pick<AnalysedUnit, 'unit' | 'original' | 'patched' | 'diff'>;
  selection: Pick<Selection, 'entries' | 'own' | 'copies'>;
}

/** A part of the graph: that of one unit. */
export interface Part {
  nodes: GraphNode[];
  edges: GraphEdge[];
}

/**
 * Why each function and datum of a unit is in the livepatch: the patch changes it, it is new, the compiler inlined a
 * changed function into it, it refers to something that changed, or something of these uses it. For people; nothing is
 * decided by it.
 */
export function explainUnit(included: IncludedUnit, definitions: Definitions, namesOf: NamesOf): Part {
  const { analysed, selection } = included;
  const { unit, original, patched, diff } = analysed;
  const [before, after] = [debugInfo(original), debugInfo(patched)];
  const touched = definitions.of(unit);
  const id = (name: string): string => `${unit.objname}:${unit.object}:${name}`;
  const items: (IrFunction | IrVariable)[] = [...selection.entries, ...selection.own.values()];
  const isIncluded = new Set(items.map(({ name }) => name));
  const isEntry = new Set(selection.entries.map(({ name }) => name));
  const isRead = new Set([...diff.readsChanged.values()].flat());
  const edges: GraphEdge[] = [];
  const link = (from: IrGlobal, to: string, how: GraphEdge['how']): void => {
    const edge = { from: id(from.name), to, how };
    if (!edges.some((e) => e.from === edge.from && e.to === to && e.how === how)) edges.push(edge);
  };

  /** The touched function that a function of the compiler's was made of; a clone's name begins with its original's. */
  const source = (name: string): Definition | undefined => {
    const plain = /^[^.]+/.exec(name)?.[0] ?? name;
    return touched.find((d) => d.kind !== 'macro' && namesOf(d).includes(plain));
  };
  const users = usersOf(items);
  const linkUsers = (g: IrGlobal): void => {
    for (const [user, calls] of users.get(g.name) ?? []) link(g, id(user), calls ? 'called-by' : 'used-by');
  };

  const explainFunction = (f: IrFunction): GraphNode => {
    const { name } = f;
    const originalName = diff.originalOf.get(name) ?? name;
    const old = original.globals.get(originalName);
    const isNew = !isEntry.has(name) && !diff.originalOf.has(name);
    const definition = source(name);
    if (definition)
      link(f, definition.id, definition.name === /^[^.]+/.exec(name)?.[0] ? 'compiled-from' : 'entry-of');
    const inlined = new Set([...after.inlined(f), ...(old?.kind === 'function' ? before.inlined(old) : [])]);
    const because = [...inlined].flatMap((n) => (n === name ? [] : (source(n) ?? [])));
    for (const d of because) if (d !== definition) link(f, d.id, 'inlines');
    const why = isNew ? 'new' : definition ? 'changed' : because.length > 0 ? 'inlines' : 'references';
    for (const read of diff.readsChanged.get(name) ?? []) link(f, id(read), 'refers-to');
    if (why === 'references') linkReferences(f);
    // What takes the place of a function of the kernel is called by the kernel.
    if (!isEntry.has(name)) if (isNew || !definition) linkUsers(f);
    const place = after.place(f);
    return {
      id: id(name),
      object: unit.objname,
      name: originalName,
      kind: 'function',
      why,
      replaces: isEntry.has(name),
      source: { file: place?.file ?? unit.source, ...(place ? { line: place.line } : {}) },
    };
  };

  const interfaces = [canonicaliser(original), canonicaliser(patched)] as const;
  /** What the function uses that is new, or of which the compiler knows something else than before. */
  const linkReferences = (f: IrFunction): void => {
    for (const name of new Set(globalsIn(f.body))) {
      const now = patched.globals.get(name);
      const was = original.globals.get(diff.originalOf.get(name) ?? name);
      if (now?.kind !== 'function' || name === f.name || name.startsWith('llvm.')) continue;
      if (was?.kind !== 'function') {
        if (isIncluded.has(name)) link(f, id(name), 'refers-to');
      } else if (interfaces[0].interface(was) !== interfaces[1].interface(now)) {
        const to = isIncluded.has(name) ? id(name) : source(name)?.id;
        if (to !== undefined) link(f, to, 'interface-of');
      }
    }
  };

  const explainData = (v: IrVariable): GraphNode => {
    const node = {
      id: id(v.name),
      object: unit.objname,
      name: v.name,
      kind: 'data',
      replaces: false,
    } as const;
    const name = baseName(v.name);
    const definition =
      touched.find((d) => d.kind === 'other' && d.name === name) ??
      (isAnonymous(v) ? undefined : source(name));
    const place = { source: definition?.source ?? { file: unit.source } };
    const copy = selection.copies.find((c) => c.name === v.name);
    if (isRead.has(v.name)) {
      if (definition) link(v, definition.id, 'compiled-from');
      else for (const d of definitions.behind(unit)) link(v, d.id, 'refers-to');
      return { ...node, why: 'changed', ...place };
    }
    linkUsers(v);
    if (copy) return { ...node, why: 'copied', detail: copy.why, ...place };
    if (labelOwnersIn(v.initialiser).size > 0)
      return { ...node, why: 'constant', detail: 'it holds labels of the code', ...place };
    if (isAnonymous(v) || !diff.addedData.has(v.name)) return { ...node, why: 'constant', ...place };
    if (definition) link(v, definition.id, 'compiled-from');
    return { ...node, why: 'new', ...place };
  };

  const nodes = items.map((g) => (g.kind === 'function' ? explainFunction(g) : explainData(g)));
  // Whatever the reasons do not lead to something that the patch touches: what the patch changes of what the unit reads.
  const ends = new Set(definitions.all.map((d) => d.id));
  const first = [...nodes].sort((a, b) => rank(a) - rank(b));
  for (const node of first) {
    if (leadsTo(node.id, edges, ends)) continue;
    for (const d of definitions.behind(unit)) edges.push({ from: node.id, to: d.id, how: 'refers-to' });
  }
  return { nodes, edges };
}

/** What others are explained by comes first. */
function rank(node: GraphNode): number {
  return node.why === 'changed' ? 0 : node.replaces ? 1 : 2;
}

function leadsTo(from: string, edges: readonly GraphEdge[], ends: ReadonlySet<string>): boolean {
  const seen = new Set([from]);
  for (const id of seen) {
    if (ends.has(id)) return true;
    for (const edge of edges) if (edge.from === id) seen.add(edge.to);
  }
  return false;
}

/** Which of the items use each other: used name to its users, and whether they call it and nothing else. */
function usersOf(items: readonly (IrFunction | IrVariable)[]): Map<string, Map<string, boolean>> {
  const users = new Map<string, Map<string, boolean>>();
  for (const item of items) {
    const text =
      item.kind === 'function' ? item.head.slice(item.head.indexOf('@') + 1) + item.body : item.initialiser;
    const addresses = addressesIn(text);
    for (const name of new Set(globalsIn(text))) {
      if (name === item.name) continue;
      users.set(name, (users.get(name) ?? new Map<string, boolean>()).set(item.name, !addresses.has(name)));
    }
  }
  return users;
}
