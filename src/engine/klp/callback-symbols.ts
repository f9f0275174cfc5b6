import { KlpError } from '../../shared/errors.js';
import type { Finding } from '../../shared/result.js';
import { lookUp } from '../distill/lookup.js';
import { STB } from '../elf/constants.js';
import type { ElfFile, ElfSymbol } from '../elf/model.js';
import { functionCovering } from '../elf/query.js';
import type { IrModule } from '../ir/module.js';
import type { KernelSymbols, KlpSource } from '../kernel/symbols.js';
import type { Provided } from '../provide.js';
import type { SymbolSource, TranslationUnit } from '../types.js';
import { refuseOtherType, refuseReadOnly } from './callback-uses.js';
import { writesOf } from './callback-writes.js';
import { undefinedSymbols } from './rename.js';

/** `#include "llpatch.h"` of a callbacks file: symbols of the kernel that no header offers. */
export const header = `#pragma once
/* LLPATCH_DECLARE_SYMBOL(TYPE, ALIAS, PATH, NAME): the variable NAME that the kernel's source PATH defines, static or not. */
#define LLPATCH_DECLARE_SYMBOL(type, alias, path, name) extern type __llpatch_symbol_##alias
#define LLPATCH_SYMBOL(alias) __llpatch_symbol_##alias
`;

const declaration = /\bLLPATCH_DECLARE_SYMBOL\s*\(([^;]*)\)\s*;/g;

/** A variable that the file declares by LLPATCH_DECLARE_SYMBOL. */
interface DeclaredSymbol {
  path: string;
  name: string;
  line: number;
}

/** What the callbacks' code may refer to, and the kernel that has it. */
export interface CallbackScope {
  /** The user's file, as messages name it. */
  file: string;
  /** Its text without comments and literals, line for line. */
  text: string;
  /** A unit of each object that the livepatch patches. */
  objects: readonly TranslationUnit[];
  /** Those of the objects for which code runs that uses the undefined symbol. */
  objectsOf: (symbolName: string) => readonly TranslationUnit[];
  unitsOf: (path: string) => Promise<readonly TranslationUnit[]>;
  symbols: Pick<KernelSymbols, 'resolveLocal' | 'resolveGlobal' | 'dependencies' | 'definition'>;
  /** The same code as optimised LLVM IR. */
  ir: IrModule;
  provided: Provided;
}

/**
 * Finds what a callbacks object refers to. A module's symbol is bound when that module is loaded; so only code can use it
 * that runs for that module alone.
 * @returns the symbols by the names in the object, without what the livepatch itself defines; and warnings
 * @throws KlpError `callbacks-unusable`, `init-code-used`, and what the symbol tables throw
 */
export async function callbackSymbols(
  elf: ElfFile,
  scope: CallbackScope,
): Promise<{ sources: Map<string, SymbolSource>; findings: Finding[] }> {
  const declared = declarations(scope);
  const writes = writesOf(scope.ir);
  const found = new Map<string, SymbolSource>();
  const findings: Finding[] = [];
  for (const symbol of undefinedSymbols(elf)) {
    const known = declared.get(symbol.name);
    const use = useOf(elf, symbol, scope, known);
    const source = known ? await ofPath(known, scope, use) : ofName(symbol, scope, use);
    if (source === undefined) continue;
    if (source.kind === 'klp' && source.freed !== undefined) {
      throw new KlpError(
        'init-code-used',
        `the callbacks use ${source.name} in ${source.freed}, which the running kernel has freed`,
        use.place,
      );
    }
    const kernel = scope.symbols.definition(source);
    if (kernel) {
      if (known) refuseOtherType(symbol.name, source.name, scope.ir, kernel, use.place);
      findings.push(...refuseReadOnly(symbol.name, source.name, writes, kernel, use.place));
    }
    const [{ objname: appliedWith } = { objname: 'vmlinux' }] = use.objects;
    found.set(symbol.name, source.kind === 'klp' ? { ...source, appliedWith } : source);
  }
  return { sources: found, findings };
}

/** Where a symbol is used, and the objects for which that code runs. */
interface Use {
  place: { file: string; line?: number; function?: string };
  objects: readonly TranslationUnit[];
}

function declarations({ file, text }: CallbackScope): Map<string, DeclaredSymbol> {
  const found = new Map<string, DeclaredSymbol>();
  for (const { 1: list = '', index } of text.matchAll(declaration)) {
    const line = lineAt(text, index);
    const [name, path, alias] = list
      .split(',')
      .map((part) => part.trim())
      .reverse();
    if (name === undefined || path === undefined || alias === undefined) {
      throw new KlpError(
        'callbacks-unusable',
        `LLPATCH_DECLARE_SYMBOL(${list}) needs a type, an alias, a path and a name`,
        { file, line },
      );
    }
    found.set(`__llpatch_symbol_${alias}`, { path, name, line });
  }
  return found;
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

function useOf(
  elf: ElfFile,
  symbol: ElfSymbol,
  { file, text, objectsOf }: CallbackScope,
  known: DeclaredSymbol | undefined,
): Use {
  const at = text.search(new RegExp(`\\b${symbol.name.replace(/\W/g, '\\$&')}\\b`));
  const line = known?.line ?? (at < 0 ? undefined : lineAt(text, at));
  const users = elf.sections.flatMap(({ relocation }) =>
    (relocation?.entries ?? []).flatMap((entry) =>
      relocation && entry.symbol === symbol
        ? (functionCovering(elf, relocation.target, entry.offset) ?? [])
        : [],
    ),
  );
  const [user] = users;
  return {
    place: {
      file,
      ...(line === undefined ? {} : { line }),
      ...(user ? { function: user.name.replace(/^klp_call_/, '') } : {}),
    },
    objects: objectsOf(symbol.name),
  };
}

/** The variable that a source file defines, in the one object that has it and that is there whenever the code runs. */
async function ofPath({ path, name }: DeclaredSymbol, scope: CallbackScope, use: Use): Promise<KlpSource> {
  const { symbols, unitsOf } = scope;
  const units = await unitsOf(path).catch((error: unknown) => {
    throw error instanceof KlpError ? noVariableOf(path, error, use) : error;
  });
  const usable = units.filter(({ objname }) => isThere(objname, use));
  const [unit] = units;
  if (unit && usable.length === 0) throw notThere(name, unit.objname, scope, use);
  const sources = new Map<string, KlpSource>();
  let failure: KlpError | undefined;
  for (const one of usable) {
    try {
      const source = symbols.resolveLocal(one, name);
      sources.set(`${source.objname} ${source.sympos}`, source);
    } catch (error) {
      if (!(error instanceof KlpError) || error.code !== 'symbol-not-in-kernel') throw error;
      failure ??= error;
    }
  }
  const [source, ...more] = sources.values();
  if (source && more.length === 0) return source;
  if (source === undefined && failure) throw atUse(failure, use, wrongName);
  const objects = usable.map(({ object, objname }) => `${object} of ${objname}`).join(', ');
  throw new KlpError(
    'callbacks-unusable',
    `which ${name} of ${path} is meant cannot be told: ${objects || 'no object is made of it'}`,
    use.place,
  );
}

/** What a name means to the callbacks, for every object that they run for; undefined if the livepatch defines it. */
function ofName(symbol: ElfSymbol, scope: CallbackScope, use: Use): SymbolSource | undefined {
  const { provided, symbols } = scope;
  const { objects } = use;
  const { name } = symbol;
  const meanings = objects.map((unit) => {
    try {
      return lookUp(unit, name, provided, symbols);
    } catch (error) {
      if (!(error instanceof KlpError)) throw error;
      // A weak reference that nothing defines is 0.
      if (symbol.binding === STB.WEAK && error.code === 'symbol-not-in-kernel') return undefined;
      throw atUse(error, use, error.code === 'symbol-not-in-kernel' ? wrongExtern : undefined);
    }
  });
  const holders = new Set(
    meanings.map((m) => (typeof m === 'object' && m.kind === 'klp' ? m.objname : 'vmlinux')),
  );
  const module = [...holders].find((objname) => objname !== 'vmlinux');
  if (module !== undefined && objects.length > 1) throw notThere(name, module, scope, use);
  const [first] = meanings;
  return first === 'livepatch' ? undefined : first;
}

/** Is the object there whenever a callback runs, and are its symbols bound by then? */
function isThere(objname: string, { objects }: Use): boolean {
  return objname === 'vmlinux' || objects.every((unit) => unit.objname === objname);
}

const wrongName =
  'Name the variable as the kernel has it, and the C file that defines it. What only the patch defines, declare with `extern`, and define without `static`.';
const wrongPath =
  "Give LLPATCH_DECLARE_SYMBOL the C file that defines the variable, from the top of the kernel's source.";
const wrongExtern =
  'What is static in a file of the kernel, declare with LLPATCH_DECLARE_SYMBOL(TYPE, ALIAS, PATH, NAME) from "llpatch.h".';

function atUse(error: KlpError, { place }: Use, advice = error.detail.advice): KlpError {
  const { object: _, ...detail } = error.detail;
  return new KlpError(error.code, error.message, {
    ...detail,
    ...place,
    ...(advice === undefined ? {} : { advice }),
    cause: error,
  });
}

/** What is wrong with the path of a declaration; errors of other kinds are left as they are. */
function noVariableOf(path: string, error: KlpError, use: Use): KlpError {
  switch (error.code) {
    case 'not-built':
    case 'object-not-livepatchable':
    case 'patch-path-escapes':
      return atUse(new KlpError('callbacks-unusable', error.message), use, wrongPath);
    default:
      return error;
  }
}

function notThere(name: string, holder: string, scope: CallbackScope, { place, objects }: Use): KlpError {
  const others = objects.map(({ objname }) => objname).filter((objname) => objname !== holder);
  const isPatched = scope.objects.some(({ objname }) => objname === holder);
  return new KlpError(
    'callbacks-unusable',
    `code that runs for ${others.join(' and ')} uses ${name} of ${holder}, which may not be loaded then`,
    {
      ...place,
      object: holder,
      advice: isPatched
        ? `Use it in functions of ${holder} alone, as pre_patch_callback_${holder}().`
        : `Make a livepatch of its own that patches ${holder}, with callbacks that use it.`,
    },
  );
}
