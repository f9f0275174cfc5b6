import { field, nodesIn } from '../ir/debug-nodes.js';

/** A structure or union that changes its layout, and in which fields. */
export interface LayoutChange {
  /** `struct foo`. */
  type: string;
  fields: string[];
}

const tags: Record<string, string> = {
  DW_TAG_structure_type: 'struct',
  DW_TAG_union_type: 'union',
  DW_TAG_enumeration_type: 'enum',
};

/** Named structures and unions to their fields, each with its place, size (bits) and type. */
type Layouts = Map<string, Map<string, string>>;

/**
 * Reads the layouts of all named structures and unions from full debug information (LLVM Language Reference,
 * "DICompositeType" and "DIDerivedType").
 * @param text a textual module compiled with `-g`
 */
export function layoutsIn(text: string): Layouts {
  const nodes = nodesIn(text);
  const members = (node: string): string[] =>
    [...(nodes.get(field(node, 'elements') ?? '') ?? '').matchAll(/!\d+/g)].map(
      ([id]) => nodes.get(id) ?? '',
    );

  const typeOf = (id: string | undefined, depth: number): string => {
    const node = nodes.get(id ?? '') ?? '';
    const tag = field(node, 'tag') ?? '';
    const name = field(node, 'name');
    if (tag === 'DW_TAG_pointer_type') return 'pointer';
    if (tag === 'DW_TAG_typedef' || (tag in tags && name !== undefined))
      return `${tags[tag] ?? ''} ${name ?? ''}`.trim();
    if (tag in tags && depth < 8)
      return `{${describe(node, depth + 1)
        .map(([n, v]) => `${n} ${v}`)
        .join('; ')}}`;
    if (tag === 'DW_TAG_array_type') return `${typeOf(field(node, 'baseType'), depth + 1)}[]`;
    return (
      name ??
      (field(node, 'baseType') === undefined || depth > 8 ? tag : typeOf(field(node, 'baseType'), depth + 1))
    );
  };
  const describe = (node: string, depth: number): [string, string][] => {
    let unnamed = 0;
    return members(node)
      .filter((m) => m.includes('DW_TAG_member'))
      .map((m) => [
        field(m, 'name') ?? `(unnamed ${(unnamed += 1)})`,
        `at bit ${field(m, 'offset') ?? '0'}, ${field(m, 'size') ?? '0'} bits, ${typeOf(field(m, 'baseType'), depth)}`,
      ]);
  };

  const found: Layouts = new Map();
  const add = (type: string, node: string): void => {
    const fields = new Map(describe(node, 0));
    fields.set('(size)', `${field(node, 'size') ?? '0'} bits`);
    found.set(type, fields);
  };
  const aggregate = (node: string): string | undefined => {
    if (!node.startsWith('!DICompositeType(') || node.includes('DIFlagFwdDecl')) return undefined;
    const tag = tags[field(node, 'tag') ?? ''];
    return tag === 'enum' ? undefined : tag;
  };
  for (const node of nodes.values()) {
    const [tag, name] = [aggregate(node), field(node, 'name')];
    if (tag !== undefined && name !== undefined) add(`${tag} ${name}`, node);
    if (name === undefined || field(node, 'tag') !== 'DW_TAG_typedef') continue;
    const named = nodes.get(field(node, 'baseType') ?? '') ?? '';
    if (aggregate(named) !== undefined && field(named, 'name') === undefined) add(`typedef ${name}`, named);
  }
  return found;
}

/**
 * Enumerators and their values, from full debug information ("DIEnumerator"). Where two have one name, in different
 * functions for instance, neither is told of.
 */
export function enumeratorsIn(text: string): Map<string, string> {
  const values = new Map<string, string>();
  const twice = new Set<string>();
  for (const [, name = '', value = ''] of text.matchAll(
    /^!\d+ = !DIEnumerator\(name: "([^"]*)", value: (-?\d+)/gm,
  )) {
    if (values.has(name)) twice.add(name);
    values.set(name, value);
  }
  for (const name of twice) values.delete(name);
  return values;
}

/** Names of enumerators that say how many there are, or where they end: with each new one they get another value. */
const counts = /(?:^|_)(?:MAX|NR|NUM)(?:_|$)|_(?:COUNT|CNT|LAST|END|SIZE|TOTAL)_*$/i;

/** Enumerators that exist in both and whose values differ, those apart that count the others. */
export function renumbered(
  original: ReadonlyMap<string, string>,
  patched: ReadonlyMap<string, string>,
): { name: string; from: string; to: string }[] {
  return [...original].flatMap(([name, from]) => {
    const to = patched.get(name);
    return to === undefined || to === from || counts.test(name) ? [] : [{ name, from, to }];
  });
}

/** Structures and unions of both, also under another name, whose fields are not at the same places. */
export function layoutChanges(original: Layouts, patched: Layouts): LayoutChange[] {
  const changes: LayoutChange[] = [];
  for (const [type, before] of original) {
    const known = patched.get(type);
    const renamed = known === undefined ? successorOf(before, original, patched) : undefined;
    const after = known ?? (renamed === undefined ? undefined : patched.get(renamed));
    if (!after) continue;
    const fields = fieldChanges(before, after);
    const name = renamed === undefined ? type : `${type} (${renamed} with the patch)`;
    if (fields.length > 0) changes.push({ type: name, fields });
  }
  return changes;
}

type Fields = ReadonlyMap<string, string>;

/** A type of the patched side alone that has most of the fields of one that is gone. */
function successorOf(gone: Fields, original: Layouts, patched: Layouts): string | undefined {
  const fields = [...gone.keys()].filter((name) => name !== '(size)');
  const hasMost = (after: Fields): boolean =>
    fields.length > 1 && 2 * fields.filter((name) => after.has(name)).length >= fields.length;
  return [...patched].find(([name, after]) => !original.has(name) && hasMost(after))?.[0];
}

function fieldChanges(before: Fields, after: Fields): string[] {
  // What came or went, and the size, say more than what moved because of it.
  const rank = (name: string): number => {
    if (name === '(size)') return 1;
    if (before.has(name) && after.has(name)) return 3;
    return name.startsWith('(unnamed ') ? 2 : 0;
  };
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => before.get(name) !== after.get(name))
    .sort((a, b) => rank(a) - rank(b))
    .map((name) => `${name}: ${before.get(name) ?? 'new'} -> ${after.get(name) ?? 'gone'}`);
}
