import { field, nodesIn } from '../ir/debug-nodes.js';

/**
 * The source types of the functions that a module defines: result and parameters, pointers to what they point at,
 * structures by name (LLVM Language Reference, "DISubprogram" and "DISubroutineType").
 * @param text a textual module compiled with `-g`
 */
export function prototypesIn(text: string): Map<string, string> {
  const nodes = nodesIn(text);
  const typeOf = (id: string | undefined): string => {
    if (id === undefined || id === 'null') return 'void';
    const node = nodes.get(id) ?? '';
    const tag = /\btag: DW_TAG_(\w+)/.exec(node)?.[1] ?? '';
    if (node.startsWith('!DISubroutineType(')) return `(*)${signature(node)}`;
    const name = field(node, 'name');
    if (name !== undefined) return `${tag.replace(/^base_type$|^typedef$|_type$/, '')} ${name}`.trim();
    const inner = typeOf(field(node, 'baseType'));
    return tag === 'pointer_type' ? `${inner} *` : `${tag.replace(/_type$/, '')} ${inner}`;
  };
  const signature = (node: string): string => {
    const [result, ...parameters] = [...(nodes.get(field(node, 'types') ?? '') ?? '').matchAll(/!\d+|null/g)];
    return `${typeOf(result?.[0])} (${parameters.map(([id]) => typeOf(id)).join(', ')})`;
  };
  const found = new Map<string, string>();
  for (const node of nodes.values()) {
    if (!node.startsWith('!DISubprogram(') || !node.includes('DISPFlagDefinition')) continue;
    const name = field(node, 'linkageName') ?? field(node, 'name');
    if (name !== undefined) found.set(name, signature(nodes.get(field(node, 'type') ?? '') ?? ''));
  }
  return found;
}
