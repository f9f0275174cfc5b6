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

const qualifiers = /^DW_TAG_(?:const|volatile|restrict|atomic)_type$/;

/** What stands before the name of a variable among the layouts. */
const variable = 'variable ';

/** Named structures and unions, and variables, to their fields, each with its place, size (bits) and type. */
type Layouts = Map<string, Map<string, string>>;

/** The function that a static variable stands in, with a dot; nothing for one of the file. */
function ownerOf(nodes: ReadonlyMap<string, string>, of: string): string {
  let node = of;
  while (!node.startsWith('!DISubprogram(')) {
    const scope = nodes.get(field(node, 'scope') ?? '');
    if (scope === undefined) return '';
    node = scope;
  }
  return `${field(node, 'name') ?? ''}.`;
}

function membersOf(nodes: ReadonlyMap<string, string>, node: string): string[] {
  return [...(nodes.get(field(node, 'elements') ?? '') ?? '').matchAll(/!\d+/g)].map(
    ([id]) => nodes.get(id) ?? '',
  );
}

/**
 * Reads the layouts of all named structures and unions from full debug information (LLVM Language Reference,
 * "DICompositeType" and "DIDerivedType").
 * @param text a textual module compiled with `-g`
 */
export function layoutsIn(text: string): Layouts {
  const nodes = nodesIn(text);
  const members = (node: string): string[] => membersOf(nodes, node);

  const typeOf = (id: string | undefined, depth: number): string => {
    const node = nodes.get(id ?? '') ?? '';
    const tag = field(node, 'tag') ?? '';
    const name = field(node, 'name');
    if (tag === 'DW_TAG_pointer_type') return `pointer to ${pointee(field(node, 'baseType'), depth + 1)}`;
    if (tag === 'DW_TAG_typedef' || (tag in tags && name !== undefined))
      return `${tags[tag] ?? ''} ${name ?? ''}`.trim();
    if (tag in tags && depth < 8)
      return `{${describe(node, depth + 1)
        .map(([n, v]) => `${n} ${v}`)
        .join('; ')}}`;
    if (tag === 'DW_TAG_array_type')
      return `${typeOf(field(node, 'baseType'), depth + 1)}${dimensionsOf(node)}`;
    return (
      name ??
      (field(node, 'baseType') === undefined || depth > 8 ? tag : typeOf(field(node, 'baseType'), depth + 1))
    );
  };
  /** What memory that a pointer leads to was made as: names of structures, sizes of plain values. */
  const pointee = (id: string | undefined, depth: number, alias = ''): string => {
    if (id === undefined || id === 'null') return 'void';
    const node = nodes.get(id) ?? '';
    const [tag, base] = [field(node, 'tag') ?? '', field(node, 'baseType')];
    if (qualifiers.test(tag)) return pointee(base, depth, alias);
    if (tag === 'DW_TAG_typedef') return pointee(base, depth, field(node, 'name'));
    if (tag === 'DW_TAG_subroutine_type' || node.startsWith('!DISubroutineType(')) return 'function';
    if (tag === 'DW_TAG_pointer_type')
      return depth > 4 ? 'pointer' : `pointer to ${pointee(base, depth + 1)}`;
    if (tag === 'DW_TAG_array_type') return `${pointee(base, depth)}${dimensionsOf(node)}`;
    if (tag === 'DW_TAG_structure_type' || tag === 'DW_TAG_union_type') {
      const name = field(node, 'name') ?? alias;
      return name === '' ? typeOf(id, depth + 1) : `${tags[tag] ?? ''} ${name}`;
    }
    return `${field(node, 'size') ?? '0'} bits`;
  };
  const dimensionsOf = (array: string): string =>
    members(array)
      .map((range) => `[${(field(range, 'count') ?? '').replace('-1', '')}]`)
      .join('');
  /** A lock's key without lockdep, for instance: such a field is nothing in any object. */
  const isEmpty = (id: string | undefined): boolean => {
    const node = nodes.get(id ?? '') ?? '';
    const isStructure = field(node, 'tag') === 'DW_TAG_structure_type' && !node.includes('DIFlagFwdDecl');
    return isStructure && members(node).length === 0;
  };
  const describe = (node: string, depth: number): [string, string][] => {
    let unnamed = 0;
    return members(node)
      .filter((m) => m.includes('DW_TAG_member') && !isEmpty(field(m, 'baseType')))
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
  /** The structure or union that a variable is, or is made of, unless it is a constant. */
  const objectOf = (id: string | undefined): string | undefined => {
    const node = nodes.get(id ?? '') ?? '';
    const tag = field(node, 'tag') ?? '';
    if (tag === 'DW_TAG_structure_type' || tag === 'DW_TAG_union_type') return node;
    const isMore = /^DW_TAG_(?:typedef|array_type|volatile_type)$/.test(tag);
    return isMore ? objectOf(field(node, 'baseType')) : undefined;
  };
  // The IR has a variable's own type, but neither names of its fields nor what a pointer leads to.
  for (const node of nodes.values()) {
    if (!node.startsWith('!DIGlobalVariable(')) continue;
    const name = `${variable}${ownerOf(nodes, node)}${field(node, 'name') ?? ''}`;
    const type = typeOf(field(node, 'type'), 0).replace(/\[\d*\]/g, '');
    const object = objectOf(field(node, 'type'));
    if (object !== undefined) add(name, object);
    else if (type.includes('pointer to ')) found.set(name, new Map([['type', type]]));
  }
  return found;
}

/** An enumerator's value, and whether it says how many the others of its type are. */
export interface Enumerator {
  value: string;
  counts: boolean;
}

/** Names of enumerators that say how many there are, or where they end: with each new one they get another value. */
const counting = /(?:^|_)(?:MAX|NR|NUM)(?:_|$)|_(?:COUNT|CNT|LAST|END|SIZE|TOTAL)_*$/i;

/**
 * Enumerators and their values, from full debug information ("DIEnumerator"). Where two have one name, in different
 * functions for instance, neither is told of.
 */
export function enumeratorsIn(text: string): Map<string, Enumerator> {
  const nodes = nodesIn(text);
  const found = new Map<string, Enumerator>();
  const twice = new Set<string>();
  for (const node of nodes.values()) {
    if (field(node, 'tag') !== 'DW_TAG_enumeration_type') continue;
    const all = membersOf(nodes, node).map((one) => ({
      name: field(one, 'name') ?? '',
      value: field(one, 'value') ?? '',
    }));
    // What counts stands at the end, as does an alias of the last one.
    const end = Math.max(...all.map(({ value }) => Number(value))) - 1;
    for (const { name, value } of all) {
      if (found.has(name)) twice.add(name);
      found.set(name, { value, counts: counting.test(name) && Number(value) >= end });
    }
  }
  for (const name of twice) found.delete(name);
  return found;
}

/** An enumerator with its value before and after. */
export interface Renumbered {
  name: string;
  from: string;
  to: string;
}

/**
 * Enumerators that exist in both and whose values differ: those that only count the others (`counts`), and all others
 * (`moved`).
 */
export function renumbered(
  original: ReadonlyMap<string, Enumerator>,
  patched: ReadonlyMap<string, Enumerator>,
): { moved: Renumbered[]; counts: Renumbered[] } {
  const found: Record<'moved' | 'counts', Renumbered[]> = { moved: [], counts: [] };
  for (const [name, before] of original) {
    const after = patched.get(name);
    if (after === undefined || after.value === before.value) continue;
    const kind = after.counts && before.counts ? 'counts' : 'moved';
    found[kind].push({ name, from: before.value, to: after.value });
  }
  return found;
}

/** Structures and unions of both, also under another name, whose fields are not at the same places. */
export function layoutChanges(original: Layouts, patched: Layouts): LayoutChange[] {
  const successors = new Map<string, string>();
  for (const [type, before] of original) {
    const isGone = !patched.has(type) && !type.startsWith(variable);
    const successor = isGone ? successorOf(before, original, patched) : undefined;
    if (successor !== undefined) successors.set(type, successor);
  }
  const formerly = new Map([...successors].map(([type, successor]) => [successor, type]));
  const changes: LayoutChange[] = [];
  for (const [type, before] of original) {
    const renamed = successors.get(type);
    const after = patched.get(renamed ?? type);
    if (!after) continue;
    const fields = fieldChanges(before, after, (name) => formerly.get(name) ?? name);
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
  const isNew = (name: string): boolean => !original.has(name) && !name.startsWith(variable);
  return [...patched].find(([name, after]) => isNew(name) && hasMost(after))?.[0];
}

function fieldChanges(before: Fields, after: Fields, formerly: (type: string) => string): string[] {
  // What came or went, and the size, say more than what moved because of it.
  const rank = (name: string): number => {
    if (name === '(size)') return 1;
    if (before.has(name) && after.has(name)) return 3;
    return name.startsWith('(unnamed ') ? 2 : 0;
  };
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => !isSameField(before.get(name), after.get(name), formerly))
    .sort((a, b) => rank(a) - rank(b))
    .map((name) => `${name}: ${before.get(name) ?? 'new'} -> ${after.get(name) ?? 'gone'}`);
}

/** A pointer to anything may lead to what it led to before, and a structure have another name. */
function isSameField(before = '', after = '', formerly: (type: string) => string): boolean {
  const isOpen = (type: string): boolean => type.endsWith('pointer to void');
  const leading = (type: string): string => type.replace(/pointer to .*/, '');
  if ((isOpen(before) || isOpen(after)) && leading(before) === leading(after)) return true;
  return (
    before ===
    after.replace(/pointer to ((?:struct|union) \w+)/g, (_, type: string) => `pointer to ${formerly(type)}`)
  );
}
