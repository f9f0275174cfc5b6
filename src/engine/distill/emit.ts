import type { IrFunction, IrGlobal, IrModule } from '../ir/module.js';
import {
  addressesIn,
  closingBracket,
  elements,
  globalsIn,
  interesting,
  isAddress,
  mapGlobals,
  quoteName,
  typeEnd,
} from '../ir/text.js';
import { keepFrame } from './frames.js';
import { readKeysAtRunTime } from './jumplabel.js';
import type { KernelReference, Selection } from './select.js';

export interface EmitOptions {
  /** Kernel references (patched names) that cannot be the key of a static branch here, with the reason. */
  unlinked: ReadonlyMap<string, string>;
  /** Weak references (patched names) that nothing in the kernel defines. */
  absent: ReadonlySet<string>;
  /** References (patched names) to what another unit of the livepatch defines. */
  provided: ReadonlySet<string>;
  /** Appended to the names of replaced functions that were static, so that two files' do not clash. */
  suffix: string;
}

export interface Distilled {
  /** Textual IR of the livepatch's part of this translation unit. */
  text: string;
  /** Undefined symbols of the object that stand for kernel symbols, by the name they have in the object. */
  symbols: Map<string, KernelReference>;
  /** Replaced functions: name in the patched module -> global symbol in the object. */
  newNames: Map<string, string>;
  /** Static branches of module-owned keys that became ordinary branches, by function. */
  branches: { function: string; key: string }[];
}

/** What only a debugger, messages about inline asm, and IR passes read; `!callees` may name functions that stay behind. */
const locations = /,? !(?:dbg|srcloc|callees) !\d+/g;

/** Writes the selected part of a module as a module of its own, which uses the kernel's symbols by their own names. */
export function emit(patched: IrModule, selection: Selection, options: EmitOptions): Distilled {
  const names = nameAll(selection, options);
  const rename = (name: string, offset: number, text: string): string | undefined => {
    if (options.absent.has(name)) return undefined;
    if (selection.addressTaken.has(name) && isAddress(text, offset)) return names.old(name);
    return names.now(name);
  };
  const entries = new Set(selection.entries);
  const isOwn = (name: string): boolean => selection.own.has(name) || options.provided.has(name);
  const mayPointToOwn = [...selection.own.values(), ...entries].some((g) =>
    [...addressesIn(g.kind === 'function' ? g.body : g.initialiser)].some(
      (name) => isOwn(name) && patched.globals.get(name)?.kind === 'function',
    ),
  );
  const branches: Distilled['branches'] = [];
  const out: string[] = [...patched.header, ''];
  for (const [name, definition] of patched.types) out.push(`${name} = type ${definition}`);
  out.push('');

  const declared = new Map<string, string>();
  for (const name of selection.kernel.keys()) {
    const g = patched.globals.get(name);
    if (g && !options.absent.has(name))
      declared.set(names.now(name), declaration(patched, g, names.now(name)));
  }
  for (const name of selection.addressTaken.keys()) {
    const g = patched.globals.get(name);
    if (g) declared.set(names.old(name), declaration(patched, g, names.old(name)));
  }
  const intrinsics = new Set<string>();
  const definitions: string[] = [];
  for (const g of [...selection.own.values(), ...selection.entries]) {
    if (g.kind === 'variable') {
      const words = [g.before, g.constant ? 'constant' : 'global', g.type].filter((w) => w !== '').join(' ');
      definitions.push(
        `@${quoteName(names.now(g.name))} = ${words} ${mapGlobals(g.initialiser, rename)}${g.after.replace(locations, '')}`,
      );
      continue;
    }
    const whole = readKeysAtRunTime(g.body, options.unlinked, (key) =>
      branches.push({ function: g.name, key }),
    );
    const body = entries.has(g) ? keepFrame(whole, isOwn, mayPointToOwn) : whole;
    for (const [used] of body.matchAll(/@llvm\.[\w.]+/g)) intrinsics.add(used.slice(1));
    definitions.push(
      `${definitionHead(g, names.now(g.name), selection)}\n${mapGlobals(body, rename).replace(locations, '')}}`,
      '',
    );
  }
  for (const name of intrinsics) {
    const g = patched.globals.get(name);
    if (g?.kind === 'function') declared.set(name, g.head.replace(locations, ''));
  }
  const used = usedList(patched, selection, names.now);
  out.push(
    ...definitions.filter((d) => d.startsWith('@')),
    ...(used ? [used] : []),
    ...declared.values(),
    '',
  );
  out.push(...definitions.filter((d) => !d.startsWith('@')));
  out.push(...tail(patched, out.join('\n')), '');

  const symbols = new Map<string, KernelReference>();
  for (const [name, reference] of selection.kernel) symbols.set(names.now(name), reference);
  for (const [name, reference] of selection.addressTaken) symbols.set(names.old(name), reference);
  return {
    text: out.join('\n'),
    symbols,
    newNames: new Map(selection.entries.map((f) => [f.name, names.now(f.name)])),
    branches,
  };
}

/** Gives every global its name in the distilled module. Kernel symbols have the first right to their own names. */
function nameAll(
  selection: Selection,
  options: EmitOptions,
): { now: (n: string) => string; old: (n: string) => string } {
  const now = new Map<string, string>();
  const taken = new Set<string>();
  for (const [name, reference] of selection.kernel) {
    // objtool turns calls of __SCT__ symbols into sites that the kernel patches by a key it cannot find in a livepatch;
    // under another name the trampoline is called as the function it is (tools/objtool/check.c, create_static_call_sections).
    const plain = reference.original.startsWith('__SCT__')
      ? `klp_trampoline.${reference.original}`
      : reference.original;
    now.set(name, plain);
    taken.add(plain);
  }
  const place = (name: string, wish: string): void => {
    let free = wish;
    for (let n = 2; taken.has(free); n += 1) free = `${wish}.klp${n}`;
    taken.add(free);
    now.set(name, free);
  };
  for (const f of selection.entries) place(f.name, f.local ? f.name + options.suffix : f.name);
  for (const g of selection.own.values()) place(g.name, g.name);
  return { now: (n) => now.get(n) ?? n, old: (n) => `klp_original.${n}` };
}

function definitionHead(f: IrFunction, name: string, selection: Selection): string {
  const at = f.head.indexOf('@');
  const end = f.head.indexOf('(', at);
  const isEntry = selection.entries.includes(f);
  const before = isEntry
    ? f.head
        .slice(0, at)
        .replace(
          /^define (?:internal |weak |weak_odr |linkonce_odr |linkonce )?(?:dso_local )?/,
          'define dso_local ',
        )
    : f.head.slice(0, at);
  return `${before}@${quoteName(name)}${f.head.slice(end)}`
    .replace(locations, '')
    .replace(/ comdat(?:\([^)]*\))?/, '');
}

/**
 * A declaration with which code can use what another object defines. A weak reference becomes an ordinary one, for it is
 * known by now that the kernel has what it refers to; some compilers reach a weak one by a table of addresses, which the
 * module loader does not make.
 */
function declaration(module: IrModule, g: IrGlobal, name: string): string {
  if (g.kind === 'variable') {
    const words = g.before.replace(
      /\b(?:internal|private|external|extern_weak|common|weak|dso_local|local_unnamed_addr|unnamed_addr|hidden)\b ?/g,
      '',
    );
    const align = /, align \d+/.exec(g.after)?.[0] ?? '';
    const rest = words.trim();
    return `@${quoteName(name)} = external dso_local ${rest === '' ? '' : `${rest} `}${g.constant ? 'constant' : 'global'} ${g.type}${align}`;
  }
  if (g.kind === 'alias') {
    const target = module.globals.get(g.target);
    if (!target || target.kind === 'alias')
      return `@${quoteName(name)} = external dso_local global ${g.type}`;
    return declaration(module, target, name);
  }
  const at = g.head.indexOf('@');
  const open = g.head.indexOf('(', at);
  const close = closingBracket(g.head, open);
  // A declaration has its type for indirect-call checks first, a definition has it last.
  const [type = ''] = / !kcfi_type !\d+/.exec(g.head) ?? [];
  const before = g.head
    .slice(0, at)
    .replace(type, '')
    .replace(locations, '')
    .replace(
      /^(?:define|declare) (?:internal |private |weak |weak_odr |linkonce |linkonce_odr |available_externally |extern_weak |external )?(?:dso_local )?/,
      `declare${type} dso_local `,
    );
  const parameters = g.head.slice(open, close).replace(/ %[-\w$.]+(?=[,)])/g, '');
  const group = / #\d+/.exec(g.head.slice(close))?.[0] ?? '';
  return `${before}@${quoteName(name)}${parameters}${group}`;
}

/** `llvm.compiler.used` with those members that came along, so that code generation keeps them. */
function usedList(
  patched: IrModule,
  selection: Selection,
  rename: (name: string) => string,
): string | undefined {
  const items = new Map<string, string>();
  for (const list of ['llvm.used', 'llvm.compiler.used']) {
    const g = patched.globals.get(list);
    if (g?.kind !== 'variable') continue;
    for (const item of elements(g.initialiser)) {
      const [name = ''] = globalsIn(item);
      if (selection.own.get(name)?.kind === 'variable') items.set(name, item);
    }
  }
  const [first] = items.values();
  if (first === undefined) return undefined;
  const type = `[${items.size} x ${first.slice(0, typeEnd(first, 0))}]`;
  const values = [...items.values()].map((item) => mapGlobals(item, rename)).join(', ');
  return `@llvm.compiler.used = appending global ${type} [${values}], section "llvm.metadata"`;
}

/** Attribute groups, module flags and the metadata that the emitted text reaches, without debug information. */
function tail(patched: IrModule, text: string): string[] {
  const lines: string[] = [];
  for (const [id, content] of patched.attributes) lines.push(`attributes ${id} = { ${content} }`);
  const isDebug = (id: string): boolean => /^(?:distinct )?!DI/.test(patched.metadata.get(id) ?? '');
  const nodes = new Map<string, string>();
  const reach = (source: string): void => {
    for (const [token] of source.matchAll(interesting)) {
      if (!/^!\d+$/.test(token) || nodes.has(token) || isDebug(token)) continue;
      const node = (patched.metadata.get(token) ?? '!{}').replace(/(?:, )?(!\d+)/g, (all, id: string) =>
        isDebug(id) ? '' : all,
      );
      nodes.set(token, node.replace('!{, ', '!{'));
      reach(node);
    }
  };
  for (const [name, content] of patched.named) {
    if (!['!llvm.module.flags', '!llvm.ident'].includes(name)) continue;
    lines.push(`${name} = ${content}`);
    reach(content);
  }
  reach(text);
  for (const [id, node] of nodes) lines.push(`${id} = ${node}`);
  return lines;
}
