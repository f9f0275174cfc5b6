import type { ModuleBuild } from '../shared/result.js';
import type { FileSymbol } from '../engine/kernel/symbol-file.js';

/** A symbol that a livepatch has the running kernel look up by name and position. */
export interface NeededSymbol {
  /** `vmlinux` or a module's name. */
  object: string;
  name: string;
  /** 0: there must be no other of its name; else its place among those of its name, counted from 1. */
  sympos: number;
}

/** An ordinary undefined symbol, which the module loader looks up among the exports. */
export interface NeededExport {
  name: string;
  /** Its absence is no fault. */
  weak: boolean;
  /** The checksum that the module was built with. */
  crc?: number;
}

/** What a finished livepatch asks of the kernel that loads it. */
export interface LivepatchNeeds {
  /** The module's name. */
  name: string;
  /** e_machine. */
  machine: number;
  vermagic: string;
  /** GNU build id of the kernel that it was made for, hex. */
  buildId?: string;
  /** SHA-256 of the .config of that kernel. */
  configSha256?: string;
  /** Builds of the modules that it was made for; older livepatches say nothing of them. */
  modules: ModuleBuild[];
  /** The functions that it patches, or why its tables cannot be read. */
  functions: { ok: true; list: NeededSymbol[] } | { ok: false; why: string };
  /** Symbols of its klp relocations. */
  symbols: NeededSymbol[];
  exports: NeededExport[];
  /** Whether it carries checksums of exports (CONFIG_MODVERSIONS). */
  versions: boolean;
  /** Symbol namespaces that it imports. */
  namespaces: string[];
  /** Modules that have to be loaded before it, as its modinfo tells. */
  depends: string[];
  /** Whether a signature is appended; by whom is not looked at. */
  signed: boolean;
}

/** Where the kernel finds a symbol; `of` symbols of the object have its name. */
export type Found =
  | { ok: true; of: number; symbol?: FileSymbol }
  | {
      ok: false;
      code: 'symbol-not-in-kernel' | 'symbol-position-differs' | 'symbol-position-unproved';
      why: string;
    };

/** One file that tells the symbols of vmlinux or of a module. */
export interface SymbolSource {
  /** The file, as messages name it. */
  label: string;
  find: (needed: NeededSymbol) => Found;
}

/** One file that tells which functions ftrace can enter. */
export interface TraceSource {
  label: string;
  /** Undefined where the file cannot tell. @param of how many symbols have the name */
  traceable: (needed: NeededSymbol, of: number) => boolean | undefined;
}

/** An exported symbol. */
export interface Exported {
  /** `vmlinux`, or a module's name. */
  from: string;
  /** 0: it has none, and none is asked for. Undefined: the source does not tell. */
  crc?: number;
  /** Empty: none. Undefined: the source does not tell. */
  namespace?: string;
}

/** One file that tells exported symbols. */
export interface ExportSource {
  label: string;
  /** `vmlinux`, a module's name, or `all` for a list of the whole kernel's. */
  covers: string;
  /** False: it tells that the kernel has no checksums at all (no CONFIG_MODVERSIONS). Undefined: it does not tell. */
  versions?: boolean;
  find: (name: string) => Exported | undefined;
}

/** What a file says, and its name. */
export interface Told<T> {
  value: T;
  label: string;
}

/** Whether vmlinux, or a module, is proved to be the very build that the livepatch was made for. */
export type ProvedBuild = (object: string) => boolean;

/** What the given files tell of a kernel. */
export interface RunningKernel {
  machines: Told<number>[];
  buildIds: Told<string>[];
  vermagics: Told<string>[];
  /** Files of a module; the value is its GNU build id, hex. */
  modulesOf: (object: string) => Told<string | undefined>[];
  symbolsOf: (object: string) => SymbolSource[];
  tracesOf: (object: string) => TraceSource[];
  exports: ExportSource[];
  config?: Told<{ options: ReadonlyMap<string, string>; sha256: string }>;
}
