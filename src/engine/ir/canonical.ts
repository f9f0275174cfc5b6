import { createHash } from 'node:crypto';
import type { IrFunction, IrModule, IrVariable } from './module.js';
import { bareName, closingBracket, interesting } from './text.js';

/**
 * A piece of IR with everything removed that depends on where it stands in its module: `text` has each global
 * replaced by a mark, metadata, attribute groups and named types by their content, debug and source locations
 * dropped; `refs` are the globals in order. Two pieces mean the same when their texts are equal and their
 * references stand for the same things.
 */
export interface Canonical {
  text: string;
  refs: string[];
}

/** What is known of a piece while it is read: its references, and the `distinct` nodes met so far. */
interface Piece {
  refs: string[];
  distinct: Map<string, number>;
}

/** Gives the canonical form of pieces of one module. */
export interface Canonicaliser {
  body(f: IrFunction): Canonical;
  /** The `define`/`declare` line: all that it says of the function's own code. */
  head(f: IrFunction): Canonical;
  /** What code that calls a function relies on: its type, calling convention, attributes, and how it is reached. */
  interface(f: IrFunction): string;
  initialiser(v: IrVariable): Canonical;
  /** Some instructions of a function. */
  piece(text: string): Canonical;
  /** Everything of a variable but its initialiser. */
  shape(v: IrVariable): string;
}

/**
 * `!dbg` is where a debugger looks, `!srcloc` where an error in inline asm is reported, `!callees` what a pointer may lead
 * to, which only IR passes read. None makes code.
 */
const locations = / ?,? !(?:dbg|srcloc|callees) !\d+/g;

/**
 * All other attributes count, also those that passes of the optimiser find out and use: code generation asks alias
 * analysis, drops dead calls and moves loads by them. These two say whether the address of a symbol matters. Nothing
 * but the choice of a section for a constant asks for that.
 */
const addressMatters = /\b(?:local_)?unnamed_addr ?/g;

/**
 * Does a typed pointer (LLVM before 15) to the named type end here? What a pointer points to makes no code, the instructions
 * that use it name the type again; and the structures of a kernel all reach each other by pointers.
 */
function isPointee(text: string, end: number): boolean {
  return text[end] === '*';
}

export function canonicaliser(module: IrModule): Canonicaliser {
  const types = new Map<string, string>();
  const nodes = new Map<string, string>();
  const bodies = new Map<string, Canonical>();

  /** Set when a type under construction met itself; such a part's text depends on where it was met from. */
  let cyclic = false;

  function typeOf(name: string, stack: string[]): string {
    const known = types.get(name);
    if (known !== undefined) return known;
    const up = stack.indexOf(name);
    if (up >= 0) {
      cyclic = true;
      return `%^${stack.length - up}`;
    }
    if (stack.length === 0) cyclic = false;
    const inner = [...stack, name];
    const definition = module.types.get(name) ?? '?';
    const content = definition.replace(/%(?:[-\w$.]+|"[^"]*")/g, (t, at: number) =>
      isPointee(definition, at + t.length) ? baseName(t) : typeOf(t, inner),
    );
    const result = `%T${createHash('sha256').update(content).digest('base64url')}`;
    if (stack.length === 0 || !cyclic) types.set(name, result);
    return result;
  }

  /** Set when a node was met whose text depends on what came before it. */
  let isMetAgain = false;

  function nodeOf(id: string, piece: Piece, stack: string[]): string {
    const known = nodes.get(id);
    if (known !== undefined) return known;
    const up = stack.indexOf(id);
    if (up >= 0) return `!^${stack.length - up}`;
    const text = module.metadata.get(id) ?? '?';
    if (/^(?:distinct )?!DI/.test(text)) return '!DI';
    if (stack.length === 0) isMetAgain = false;
    let identity = '';
    if (text.startsWith('distinct ')) {
      // Nodes of one content that are not one node (scopes of aliasing, loops) are told apart by when they are first met.
      isMetAgain = true;
      const met = piece.distinct.get(id);
      if (met !== undefined) return `!D${met}`;
      identity = `!D${piece.distinct.size}`;
      piece.distinct.set(id, piece.distinct.size);
    }
    const before = piece.refs.length;
    const result = identity + canonicalText(text, piece, [...stack, id]);
    if (stack.length === 0 && piece.refs.length === before && !isMetAgain) nodes.set(id, result);
    return result;
  }

  function canonicalText(text: string, piece: Piece, stack: string[]): string {
    return text.replace(interesting, (token, at: number) => {
      switch (token[0]) {
        case ';':
          return '';
        case '@':
          piece.refs.push(bareName(token));
          return '@';
        case '%':
          if (!module.types.has(token)) return token;
          if (isPointee(text, at + token.length)) return baseName(token);
          // A type without a name has a number, and so may a value.
          return /^%\d+$/.test(token) ? `${token}${typeOf(token, [])}` : typeOf(token, []);
        case '!':
          return /^!\d+$/.test(token) ? nodeOf(token, piece, stack) : token;
        case '#':
          return `#{${module.attributes.get(token) ?? token}}`;
        default:
          return token;
      }
    });
  }

  function canonical(text: string): Canonical {
    const piece: Piece = { refs: [], distinct: new Map() };
    return { text: canonicalText(text.replace(locations, ''), piece, []), refs: piece.refs };
  }

  return {
    body(f) {
      const known = bodies.get(f.name);
      if (known) return known;
      const result = canonical(f.body);
      bodies.set(f.name, result);
      return result;
    },
    head(f) {
      const { text, refs } = canonical(f.head.replace(addressMatters, ''));
      return { text, refs: refs.slice(1) };
    },
    interface(f) {
      const open = f.head.indexOf('(', f.head.indexOf('@'));
      const close = closingBracket(f.head, open);
      const before = f.head
        .slice(f.head.indexOf(' ') + 1, f.head.indexOf('@'))
        .replace(
          /^(?:internal|private|external|weak|linkonce|linkonce_odr|weak_odr|available_externally) /,
          '',
        );
      // A definition numbers its parameters, a declaration does not.
      const parameters = f.head.slice(open, close).replace(/ %[-\w$.]+(?=[,)])/g, '');
      // Its place, and what its own code is made with, are not its callers' business.
      const after = (f.head.slice(close).match(/ #\d+| !kcfi_type !\d+/g) ?? []).join('');
      return canonical(before + parameters + after).text;
    },
    initialiser(v) {
      return canonical(v.initialiser);
    },
    piece: canonical,
    shape(v) {
      const kept =
        v.linkage === 'private'
          ? v.before.replace(/\blocal_unnamed_addr ?/g, '')
          : v.before.replace(addressMatters, '');
      // A symbol of this file alone is reached as directly as one that is known to be of this program.
      const before = kept
        .replace(/\bexternal ?/g, '')
        .replace(/\binternal\b/, 'dso_local')
        .trim();
      return canonical(`${before} ${v.constant ? 'constant' : 'global'} ${v.type}${v.after}`).text;
    },
  };
}

/**
 * A local symbol's name without what a compiler counts: the suffix that makes equal names differ (`f.x.3`), and the
 * numbers in `__UNIQUE_ID_*` and initcall names (`__COUNTER__`, `__LINE__`; include/linux/compiler.h, init.h).
 */
export function baseName(name: string): string {
  return name
    .replace(/(?:\.\d+)+$/, '')
    .replace(/(__UNIQUE_ID_\w*?)\d+/g, '$1')
    .replace(/(__initcall__kmod_\w+?)__\d+_\d+_/, '$1__');
}

/** How a variable is called in the source: `f.x.3` is `x` of function `f`. */
export function sourceName(name: string): string {
  return baseName(name).replace(/^.*\./, '');
}
