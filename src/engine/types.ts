import type { Finding } from '../shared/result.js';

/** The values that flow from stage to stage; each can be written to disk as JSON (Maps apart). */

/** One file of a patch set after all patches are applied, paths relative to the kernel tree. */
export interface PatchedFile {
  path: string;
  original: string;
  patched: string;
  /** Ranges of lines in the patched file that are new or changed, 1-based, inclusive; an empty range
   * (`to < from`) marks a pure deletion before line `from`. */
  changed: { from: number; to: number; patch: string; patchLine: number }[];
  /** Absent when the file only changed its content. */
  op?: 'added' | 'deleted' | 'renamed';
  /** The name before a rename. */
  from?: string;
  /** Hunks that were found at another line than the patch says, and the like. */
  notes?: Finding[];
}

/** How the kernel build made one object from one source file, read from its `.o.cmd`. */
export interface TranslationUnit {
  /** Source path relative to the source tree, e.g. `fs/proc/meminfo.c`. */
  source: string;
  /** Object path relative to the build tree, e.g. `fs/proc/meminfo.o`. */
  object: string;
  /** `vmlinux` or the module's name as the kernel knows it (`-` replaced by `_`). */
  objname: string;
  /** Path of the module's .ko relative to the build tree; absent for vmlinux. */
  module?: string;
  /** The linked object that other programs made of this one; absent when it was linked as it is. */
  processed?: string;
  /** The compiler's argument vector, program first, exactly as recorded (Make and shell quoting undone). */
  compile: string[];
  /** The folder the command runs in (absolute). */
  cwd: string;
  /** objtool's argument vector without the object, if the build ran it on this object. */
  objtool?: string[];
  /** Files (relative to the source tree where they lie in it) that the compilation read. */
  dependencies: string[];
}

/** A configured and built kernel tree. */
export interface KernelTree {
  /** The build tree (absolute); where `.config`, `vmlinux`, `Module.symvers` are. */
  dir: string;
  /** The source tree (absolute, spelled as the build's records spell it); the same folder unless built with `O=`. */
  source: string;
  arch: string;
  /** `uname -r` of this kernel: include/config/kernel.release. */
  release: string;
  /** Options of `.config`: `CONFIG_X` to its value (`y`, `m`, a string without its quotes, a number). */
  config: ReadonlyMap<string, string>;
  /** CONFIG_CC_VERSION_TEXT. */
  compilerText: string;
  configSha256: string;
  /** Names of the project's own patch sets in this kernel. */
  series: string[];
  /** GNU build id of vmlinux, hex. */
  buildId?: string;
}

/** A symbol that the livepatch needs from the running kernel, and how it gets it. */
export type SymbolSource =
  /** Exported by vmlinux: an ordinary relocation. `namespace` must be imported. */
  | { kind: 'export'; name: string; namespace?: string }
  /** A klp relocation against `.klp.sym.<objname>.<name>,<sympos>`. */
  | {
      kind: 'klp';
      name: string;
      objname: string;
      sympos: number;
      proof: string;
      /** The section it lies in, if the running kernel frees that. */
      freed?: string;
      /** The object with which the code that uses it is relocated, where that is not the code's own. */
      appliedWith?: string;
    };

/** A function of the running kernel that the livepatch replaces. */
export interface KlpFunc {
  objname: string;
  /** Name in the kernel's symbol table. */
  oldName: string;
  sympos: number;
  /** Global symbol in the livepatch's objects that holds the new code. */
  newName: string;
}

/** One generated object and what must be done with its undefined symbols before it is linked. */
export interface GeneratedObject {
  unit: TranslationUnit;
  /** Path of the relocatable object (absolute). */
  path: string;
  /** Undefined symbols in the object to the kernel symbol each stands for; what is not listed here keeps its name. */
  symbols: Map<string, SymbolSource>;
}
