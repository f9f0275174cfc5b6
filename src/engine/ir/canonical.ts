import { createHash } from 'node:crypto';
import type { IrFunction, IrModule, IrVariable } from './module.js';
import { bareName, interesting } from './text.js';

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

/** Gives the canonical form of pieces of one module. */
export interface Canonicaliser {
  body(f: IrFunction): Canonical;
  /** The `define`/`declare` line: type, calling convention, attributes that reach code generation. */
  head(f: IrFunction): Canonical;
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
 * Attributes of a function that only IR passes read; those passes are over when the IR is compared, so they do
 * not reach code generation (LLVM Language Reference, "Function Attributes" and "Parameter Attributes"). Of value
 * ranges, instruction selection reads only those that start at 0 (SelectionDAGBuilder, lowerRangeToAssertZExt).
 */
const optimiserOnly =
  / ?\b(?:(?:nocapture|nofree|norecurse|nosync|willreturn|mustprogress|readnone|readonly|writeonly|argmemonly|inaccessiblememonly|inaccessiblemem_or_argmemonly|local_unnamed_addr|unnamed_addr)\b|(?:memory|captures)\([^)]*\)|initializes\(\([^)]*\)\)|range\(i\d+ (?!0,)[^)]*\))/g;

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

  function nodeOf(id: string, stack: string[], refs: string[]): string {
    const known = nodes.get(id);
    if (known !== undefined) return known;
    const up = stack.indexOf(id);
    if (up >= 0) return `!^${stack.length - up}`;
    const text = module.metadata.get(id) ?? '?';
    if (/^(?:distinct )?!DI/.test(text)) return '!DI';
    const before = refs.length;
    const result = canonicalText(text, [...stack, id], refs);
    if (stack.length === 0 && refs.length === before) nodes.set(id, result);
    return result;
  }

  function canonicalText(text: string, stack: string[], refs: string[]): string {
    return text.replace(interesting, (token, at: number) => {
      switch (token[0]) {
        case ';':
          return '';
        case '@':
          refs.push(bareName(token));
          return '@';
        case '%':
          if (!module.types.has(token)) return token;
          return isPointee(text, at + token.length) ? baseName(token) : typeOf(token, []);
        case '!':
          return /^!\d+$/.test(token) ? nodeOf(token, stack, refs) : token;
        case '#':
          return `#{${module.attributes.get(token) ?? token}}`;
        default:
          return token;
      }
    });
  }

  function canonical(text: string): Canonical {
    const refs: string[] = [];
    return { text: canonicalText(text.replace(locations, ''), [], refs), refs };
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
      const { text, refs } = canonical(f.head);
      const words = text
        .replace(/^(?:define|declare) (?:internal |private |external |weak |dso_local )*/, '')
        .replace(optimiserOnly, '')
        // A definition numbers its parameters, a declaration does not; its alignment and section are not its callers' business.
        .replace(/ %\d+/g, '')
        .replace(/ (?:align \d+|section "[^"]*"|comdat|\{)(?=[ ,]|$)/g, '');
      return { text: words, refs: refs.slice(1) };
    },
    initialiser(v) {
      return canonical(v.initialiser);
    },
    piece: canonical,
    shape(v) {
      const before = v.before.replace(optimiserOnly, '').replace(/\b(?:dso_local|external|internal) ?/g, '');
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
