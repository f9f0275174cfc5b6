import { join } from 'node:path';
import { archData } from '../../shared/catalog.js';
import { KlpError } from '../../shared/errors.js';
import { STB, STT } from '../elf/constants.js';
import type { KernelTree, SymbolSource, TranslationUnit } from '../types.js';
import { definitionOf, type Definition } from './definition.js';
import { cached, cachedBy } from './cached.js';
import { buildIdOf } from './elf-notes.js';
import { readDependencies } from './dependencies.js';
import { notOffered } from './elsewhere.js';
import { openFtraceEntries, type FtraceEntries } from './ftrace.js';
import { describeUnit, openModule, openVmlinux, type KernelObject } from './kernel-object.js';
import { openSeals } from './seals.js';
import { openReadOnlyKeys } from './static-keys.js';
import { placeObject, type Placement } from './placement.js';
import { isDefined, lazily, openSymbolFile, type FileSymbol, type SymbolFile } from './symbol-file.js';
import { readSymvers, type ExportedSymbol } from './symvers.js';

export type KlpSource = Extract<SymbolSource, { kind: 'klp' }>;

/** The symbols of a kernel build, as a livepatch must name them. */
export interface KernelSymbols {
  /**
   * A symbol that the unit's own object in the kernel build defines, whatever its binding: its place in the kernel is
   * proved. Use it for statics, for functions to be patched, and for the original of a patched function.
   * @throws symbol-not-in-kernel, symbol-position-unproved
   */
  resolveLocal(unit: TranslationUnit, name: string, kind?: SymbolKind): KlpSource;
  /**
   * A symbol that the unit refers to by its name: one of its own module, an export, or another global of vmlinux. It
   * is an ordinary relocation if vmlinux exports it to all modules, and else a klp symbol.
   * @throws symbol-not-in-kernel, symbol-position-unproved, new-module-dependency
   */
  resolveGlobal(unit: TranslationUnit, name: string): SymbolSource;
  /** As `resolveGlobal`, but also for an exported symbol the address in the kernel itself. */
  resolveAddress(unit: TranslationUnit, name: string): KlpSource;
  /** Names of the modules that are loaded whenever the unit's is. */
  dependencies(unit: TranslationUnit): ReadonlySet<string>;
  /** Whether the function of the unit's object has a place where ftrace, and so a livepatch, can divert it. */
  isFtraceable(unit: TranslationUnit, functionName: string): boolean;
  /** Whether the kernel has made sure that the function is called by its name alone; see openSeals(). */
  isSealed(source: KlpSource): boolean;
  /**
   * Whether a file other than its own takes the address of a global function of the unit's object, where the kernel checks
   * calls by pointers: clang then leaves the function's type there (`__kcfi_typeid_NAME`).
   */
  isPointedTo(unit: TranslationUnit, name: string): boolean;
  /** Why no static branch of a livepatch can have this variable as its key, where that is so. */
  whyNoKey(source: SymbolSource): string | undefined;
  /** What the kernel has where a symbol was found; undefined where that is not known. */
  definition(source: SymbolSource): Definition | undefined;
  /** Whether vmlinux has a function of this name: what newer kernels can do is known by their functions. */
  hasFunction(name: string): boolean;
  /** GNU build id of a module in which a symbol was found, hex; undefined when it has none. */
  moduleBuildId(objname: string): string | undefined;
  /** Module.symvers. */
  exports(): ReadonlyMap<string, ExportedSymbol>;
}

export type SymbolKind = 'function' | 'object';

interface Place {
  holder: KernelObject;
  symbol: FileSymbol;
}

/**
 * Opens the symbols of a built kernel. Files are read when they are needed, and only in parts.
 * @throws kernel-symbols-missing, elf-malformed (also later, from the methods)
 */
export async function openSymbols(tree: KernelTree): Promise<KernelSymbols> {
  const vmlinux = lazily(() => openVmlinux(join(tree.dir, 'vmlinux')));
  const exports = lazily(() => readSymvers(tree));
  const keptWithExit = tree.config.get('CONFIG_MODULE_UNLOAD') === 'y';
  const opened = new Map<string, KernelObject>();
  const modules = cached((path: string) => {
    const module = openModule(join(tree.dir, path), path, keptWithExit);
    opened.set(module.objname, module);
    return module;
  });
  const objects = cached((path: string) => openSymbolFile(join(tree.dir, path), path));
  const holderOf = (unit: TranslationUnit): KernelObject =>
    unit.module === undefined ? vmlinux() : modules(unit.module);
  const placements = cachedBy(
    (unit: TranslationUnit) => `${unit.object} ${unit.module ?? ''}`,
    (unit) => placeObject(objects(unit.object), holderOf(unit).file),
  );
  const entries = cachedBy(
    (unit: TranslationUnit) => `${unit.object} ${unit.module ?? ''}`,
    (unit): FtraceEntries =>
      openFtraceEntries(archData(tree.arch), objects(unit.object), holderOf(unit).file),
  );

  const seals = cachedBy(
    (holder: KernelObject) => holder.file.label,
    (holder) => openSeals(holder.file),
  );
  const readOnlyKeys = lazily(() => openReadOnlyKeys(vmlinux()));
  const places = new WeakMap<KlpSource, Place>();
  const sourceOf = (
    holder: KernelObject,
    symbol: FileSymbol,
    unit: TranslationUnit,
    proof: string,
  ): KlpSource => {
    const source = klpSource(holder, symbol, unit, proof);
    places.set(source, { holder, symbol });
    return source;
  };

  const placeOf = (source: SymbolSource): Place | undefined => {
    if (source.kind === 'klp') return places.get(source);
    const symbol = vmlinux().global(source.name);
    return symbol && { holder: vmlinux(), symbol };
  };

  const dependenciesOf = cached((path: string) => readDependencies(modules, exports, path));
  const dependencies = ({ module }: TranslationUnit): ReadonlySet<string> =>
    module === undefined ? new Set() : dependenciesOf(module);

  const located = (unit: TranslationUnit, name: string, kind?: SymbolKind): FileSymbol => {
    const own = ownSymbol(objects(unit.object), unit, name, kind);
    const result = placements(unit);
    if (!result.ok) throw unproved(unit, name, result.why, holderOf(unit));
    return placedSymbol(own, unit, result.placement, holderOf(unit));
  };

  const resolveLocal = (unit: TranslationUnit, name: string, kind?: SymbolKind): KlpSource => {
    const holder = holderOf(unit);
    const symbol = located(unit, name, kind);
    return sourceOf(
      holder,
      symbol,
      unit,
      `${unit.object} was found in ${holder.file.label} by its symbols and bytes`,
    );
  };

  const resolveAddress = (unit: TranslationUnit, name: string): KlpSource => {
    const own = holderOf(unit);
    const exporter = exports().get(name)?.module ?? 'vmlinux';
    // As the linker and the loader find it. What vmlinux does not export is last: the loader would not find that.
    const other = exporter === 'vmlinux' ? vmlinux() : modules(`${exporter}.ko`);
    for (const holder of [own, other, vmlinux()]) {
      const symbol = holder.global(name);
      if (symbol === undefined) continue;
      if (![own.objname, 'vmlinux', ...dependencies(unit)].includes(holder.objname))
        throw newDependency(unit, name, holder.objname);
      return sourceOf(holder, symbol, unit, `the only global symbol of its name`);
    }
    throw notOffered(unit, name, [...new Set([own, vmlinux()])]);
  };

  return {
    resolveLocal,
    resolveAddress,
    dependencies,
    resolveGlobal(unit, name) {
      const { module, namespace } = exports().get(name) ?? {};
      const isOwn = unit.module !== undefined && holderOf(unit).global(name) !== undefined;
      // Such a namespace is open to the modules that it names alone (EXPORT_SYMBOL_FOR_MODULES).
      const isClosed = namespace?.startsWith('module:') === true;
      if (module !== 'vmlinux' || isOwn || isClosed) return resolveAddress(unit, name);
      return { kind: 'export', name, ...(namespace === undefined ? {} : { namespace }) };
    },
    isFtraceable(unit, functionName) {
      const object = objects(unit.object);
      const own = ownSymbol(object, unit, functionName, 'function');
      // The kernel frees it, and forgets its entry.
      if (object.header.sections[own.section]?.name.startsWith('.init')) return false;
      return entries(unit)(own, () => located(unit, functionName, 'function'));
    },
    isSealed(source) {
      const place = places.get(source);
      return place !== undefined && seals(place.holder)(place.symbol);
    },
    isPointedTo: (unit, name) => holderOf(unit).file.named(`__kcfi_typeid_${name}`).length > 0,
    whyNoKey(source) {
      if (source.kind === 'klp' && source.objname !== 'vmlinux')
        return `the key belongs to ${source.objname}, which is a module`;
      const symbol = placeOf(source)?.symbol;
      if (symbol === undefined || !readOnlyKeys()(symbol)) return undefined;
      return 'the key is read-only, and this kernel would write to it for a branch of a module';
    },
    definition(source) {
      const place = placeOf(source);
      return place && definitionOf(place.holder, place.symbol, tree.config);
    },
    hasFunction: (name) =>
      vmlinux()
        .file.named(name)
        .some((s) => isDefined(s) && fits(s, 'function')),
    moduleBuildId(objname) {
      const module = opened.get(objname);
      return module && buildIdOf(module.file);
    },
    exports,
  };
}

/** The symbol as the unit's own object defines it. */
function ownSymbol(object: SymbolFile, unit: TranslationUnit, name: string, kind?: SymbolKind): FileSymbol {
  const found = object.named(name).filter((s) => isDefined(s) && fits(s, kind));
  const [symbol] = found;
  if (symbol !== undefined && found.length === 1) return symbol;
  const [code, what] =
    found.length === 0
      ? (['symbol-not-in-kernel', 'does not define'] as const)
      : (['symbol-position-unproved', 'has more than one'] as const);
  throw new KlpError(code, `${describeUnit(unit)} ${what} ${name}`, {
    object: unit.object,
    ...(kind === 'function' ? { function: name } : {}),
  });
}

function fits(symbol: FileSymbol, kind: SymbolKind | undefined): boolean {
  switch (kind) {
    case 'function':
      return symbol.type === STT.FUNC || symbol.type === STT.NOTYPE;
    case 'object':
      return symbol.type === STT.OBJECT || symbol.type === STT.NOTYPE || symbol.type === STT.TLS;
    default:
      return symbol.type !== STT.SECTION && symbol.type !== STT.FILE;
  }
}

/** The same symbol in the linked file, at the place that the proof gives it. */
function placedSymbol(
  own: FileSymbol,
  unit: TranslationUnit,
  placement: Placement,
  holder: KernelObject,
): FileSymbol {
  if (own.binding === STB.LOCAL) {
    const local = placement.locals.get(own.name);
    if (local !== undefined) return local;
    throw new KlpError(
      'symbol-not-in-kernel',
      `${own.name} of ${unit.object} is not in ${holder.file.label}`,
      { object: unit.object },
    );
  }
  const global = holder.global(own.name);
  const place = placement.sections.get(own.section);
  if (global === undefined || place === undefined) throw unproved(unit, own.name, 'it is not there', holder);
  const start = holder.file.header.sections[place.section]?.addr ?? 0n;
  if (global.section !== place.section || global.value !== start + place.base + own.value) {
    throw new KlpError(
      'symbol-not-in-kernel',
      `${own.name} of ${unit.object} is not the one in ${holder.file.label}: another object overrides it`,
      { object: unit.object },
    );
  }
  return global;
}

function klpSource(
  holder: KernelObject,
  symbol: FileSymbol,
  unit: TranslationUnit,
  proof: string,
): KlpSource {
  const position = holder.position(symbol);
  const { name } = symbol;
  if (position.ok) {
    const { sympos } = position;
    const which = position.of === 1 ? 'only one of its name' : `number ${sympos} of ${position.of}`;
    const section = holder.file.header.sections[symbol.section]?.name ?? '';
    // A module's init code is not found at all; its exit code is kept.
    const isFreed = holder.objname === 'vmlinux' && /^\.(?:init|exit)\./.test(section);
    const freed = isFreed ? { freed: section } : {};
    return { kind: 'klp', name, objname: holder.objname, sympos, proof: `${which}; ${proof}`, ...freed };
  }
  if (position.missing) throw new KlpError('symbol-not-in-kernel', position.why, { object: unit.object });
  throw unproved(unit, name, position.why, holder);
}

function unproved(unit: TranslationUnit, name: string, why: string, holder: KernelObject): KlpError {
  const candidates = holder.file.named(name).filter(isDefined);
  const list = candidates.map((s) => `0x${s.value.toString(16)} (${s.size} bytes)`).join(', ');
  return new KlpError(
    'symbol-position-unproved',
    `which ${name} of ${holder.objname} is that of ${unit.object} cannot be proved: ${why}`,
    { object: unit.object, ...(list === '' ? {} : { output: `candidates: ${list}` }) },
  );
}

function newDependency(unit: TranslationUnit, name: string, exporter: string): KlpError {
  return new KlpError(
    'new-module-dependency',
    `${describeUnit(unit)} uses ${name} of module ${exporter}, which it does not depend on`,
    { object: unit.object },
  );
}
