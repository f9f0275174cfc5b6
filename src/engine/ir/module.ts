import { KlpError } from '../../shared/errors.js';
import { bareName, firstComma, typeEnd } from './text.js';

/** A function of an IR module. `head` is the `define`/`declare` line, `body` what stands between its braces. */
export interface IrFunction {
  kind: 'function';
  name: string;
  declared: boolean;
  /** Local to the translation unit (`internal` or `private`). */
  local: boolean;
  linkage: string;
  head: string;
  body: string;
  section?: string;
}

/** A global variable. `before` is what precedes `global`/`constant`, `after` the attributes behind the initialiser. */
export interface IrVariable {
  kind: 'variable';
  name: string;
  declared: boolean;
  local: boolean;
  linkage: string;
  constant: boolean;
  before: string;
  type: string;
  initialiser: string;
  after: string;
  section?: string;
}

export interface IrAlias {
  kind: 'alias';
  name: string;
  declared: false;
  local: boolean;
  linkage: string;
  text: string;
  /** Type of what it stands for. */
  type: string;
  /** The global it stands for. */
  target: string;
}

export type IrGlobal = IrFunction | IrVariable | IrAlias;

/** A textual LLVM module taken apart at top level. */
export interface IrModule {
  /** `source_filename`, `target datalayout`, `target triple`. */
  header: string[];
  asm: string[];
  /** Named type to its definition (the text behind `type`). */
  types: Map<string, string>;
  globals: Map<string, IrGlobal>;
  comdats: string[];
  attributes: Map<string, string>;
  /** `!12` -> text of the node. */
  metadata: Map<string, string>;
  /** Named metadata such as `!llvm.module.flags`. */
  named: Map<string, string>;
}

const linkages = new Set([
  'private',
  'internal',
  'available_externally',
  'linkonce',
  'weak',
  'common',
  'appending',
  'extern_weak',
  'linkonce_odr',
  'weak_odr',
  'external',
]);

function linkageOf(words: string): string {
  const first = /^\s*(\w+)/.exec(words)?.[1] ?? '';
  return linkages.has(first) ? first : 'external';
}

function isLocal(linkage: string): boolean {
  return linkage === 'internal' || linkage === 'private';
}

function sectionOf(text: string): { section?: string } {
  const found = /(?:^|[ ,])section "([^"]*)"/.exec(text);
  return found?.[1] === undefined ? {} : { section: found[1] };
}

function parseVariable(name: string, text: string): IrVariable {
  const keyword = /(?:^| )(global|constant) /.exec(text);
  if (!keyword) throw new RangeError(`neither global nor constant: ${text.slice(0, 120)}`);
  const before = text.slice(0, keyword.index).trim();
  const start = keyword.index + keyword[0].length;
  const end = typeEnd(text, start);
  const linkage = linkageOf(before);
  const declared = linkage === 'external' ? /\bexternal\b/.test(before) : linkage === 'extern_weak';
  let rest = text.slice(end);
  let initialiser = '';
  if (!declared) {
    const stop = firstComma(rest);
    initialiser = rest.slice(0, stop).trim();
    rest = rest.slice(stop);
  }
  return {
    kind: 'variable',
    name,
    declared,
    local: isLocal(linkage),
    linkage,
    constant: keyword[1] === 'constant',
    before,
    type: text.slice(start, end),
    initialiser,
    after: rest,
    ...sectionOf(rest),
  };
}

function parseFunction(head: string, body: string): IrFunction {
  const declared = head.startsWith('declare');
  const at = head.indexOf('@');
  const name = /^@(?:[-\w$.]+|"[^"]*")/.exec(head.slice(at))?.[0];
  if (name === undefined) throw new RangeError(`no function name: ${head.slice(0, 120)}`);
  const words = head.slice(head.indexOf(' ')).replace(/^ !dbg !\d+/, '');
  const linkage = linkageOf(words);
  return {
    kind: 'function',
    name: bareName(name),
    declared,
    local: isLocal(linkage),
    linkage,
    head,
    body,
    ...sectionOf(head.slice(at)),
  };
}

function parseAlias(name: string, text: string): IrAlias {
  const found = /(?:^| )(?:alias|ifunc) /.exec(text);
  if (!found) throw new RangeError(`not an alias: ${text.slice(0, 120)}`);
  const start = found.index + found[0].length;
  const end = typeEnd(text, start);
  const target = /@(?:[-\w$.]+|"[^"]*")/.exec(text.slice(end))?.[0];
  if (target === undefined) throw new RangeError(`alias without a target: ${text.slice(0, 120)}`);
  const linkage = linkageOf(text);
  return {
    kind: 'alias',
    name,
    declared: false,
    local: isLocal(linkage),
    linkage,
    text,
    type: text.slice(start, end),
    target: bareName(target),
  };
}

/**
 * Takes a textual module, as `llvm-dis` writes it, apart. Every line must be understood: an unknown one is a
 * defect (`internal`), because a construct that is skipped is a change that is missed.
 */
export function parseModule(text: string, what: string): IrModule {
  const module: IrModule = {
    header: [],
    asm: [],
    types: new Map(),
    globals: new Map(),
    comdats: [],
    attributes: new Map(),
    metadata: new Map(),
    named: new Map(),
  };
  let position = 0;
  let lineNumber = 0;
  const add = (g: IrGlobal): void => void module.globals.set(g.name, g);
  while (position < text.length) {
    let end = text.indexOf('\n', position);
    if (end < 0) end = text.length;
    const line = text.slice(position, end);
    lineNumber += 1;
    position = end + 1;
    try {
      if (line === '' || line.startsWith(';')) continue;
      if (line.startsWith('@')) {
        const token = /^@(?:[-\w$.]+|"[^"]*")/.exec(line)?.[0] ?? '@';
        const rest = line.slice(token.length + 3);
        const isAlias = /^(?:[a-z_]+(?:\("[^"]*"\))? )*(?:alias|ifunc) /.test(rest);
        add(isAlias ? parseAlias(bareName(token), rest) : parseVariable(bareName(token), rest));
      } else if (line.startsWith('define ')) {
        const close = text.indexOf('\n}', position - 2);
        add(parseFunction(line, text.slice(position, close + 1)));
        position = text.indexOf('\n', close + 1) + 1;
        if (position === 0) position = text.length;
      } else if (line.startsWith('declare ')) add(parseFunction(line, ''));
      else if (line.startsWith('!')) {
        const equals = line.indexOf(' = ');
        const key = line.slice(0, equals);
        (/^!\d+$/.test(key) ? module.metadata : module.named).set(key, line.slice(equals + 3));
      } else if (line.startsWith('%')) {
        const equals = line.indexOf(' = type ');
        module.types.set(line.slice(0, equals), line.slice(equals + 8));
      } else if (line.startsWith('attributes ')) {
        const [, id, content] = /^attributes (#\d+) = \{ (.*) \}$/.exec(line) ?? [];
        if (id === undefined || content === undefined) throw new RangeError(line);
        module.attributes.set(id, content);
      } else if (line.startsWith('module asm ')) module.asm.push(line.slice('module asm '.length));
      else if (line.startsWith('$')) module.comdats.push(line);
      else if (/^(?:source_filename|target) /.test(line)) module.header.push(line);
      else throw new RangeError(`unknown line: ${line.slice(0, 120)}`);
    } catch (error) {
      throw new KlpError('internal', `${what}:${lineNumber}: the LLVM IR could not be read`, {
        cause: error,
      });
    }
  }
  return module;
}

/** The type of a pointer to `type` as the module's text writes it: `ptr`, or `type*` before LLVM 15. */
export function pointerTo(module: IrModule, type: string): string {
  const typed = [...module.globals.values()].some((g) =>
    (g.kind === 'function' ? g.head : g.type).includes('*'),
  );
  return typed ? `${type}*` : 'ptr';
}
