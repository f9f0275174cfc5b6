import type { Progress } from '../shared/progress.js';

/** What a kernel is booted with: an unpacked `boot/` folder of an image. */
export interface BootAssets {
  /** The folder that holds all of it. */
  dir: string;
  /** bzImage or Image. */
  kernel: string;
  /** Holds `lib/modules/<release>`. */
  modulesDir: string;
  /** A static busybox of the guest's arch. */
  busybox: string;
  /** A static bash; needed by the selftests alone. */
  bash?: string;
  /** The kernel's livepatch selftests: `*.sh`, `test_klp-*` programs and `modules/*.ko`. */
  selftests?: string;
  /** `uname -r`. */
  release: string;
  arch: string;
}

/** Which comes first, the module that is patched or the livepatch. */
export type ModuleLoad = 'before' | 'after';

/** One livepatch to prove. */
export interface VerifyCase {
  /** Names the case in steps and findings; unique in a request. */
  name: string;
  /** The livepatch's .ko file. */
  livepatch: string;
  /** Modules it patches; empty when it patches vmlinux alone. */
  objects: string[];
  /** Run in the guest by busybox sh with the argument `before`, `during` or `after`. */
  testScript?: string;
  /** When the patched modules are loaded; says nothing for a livepatch of vmlinux alone. */
  moduleLoad: ModuleLoad | 'both';
}

export interface VerifyRequest {
  assets: BootAssets;
  cases: VerifyCase[];
  /** Also run the kernel's own livepatch selftests. */
  selftests: boolean;
  /** The longest that the boot, one case, or one selftest script may take. Default: 300 000. */
  timeoutMs?: number;
  /** Where the result of the KVM probe is kept; without it, KVM is probed each time. */
  cacheDir?: string;
  /** `tcg` leaves KVM alone; the default uses it where a probe shows that it works. */
  accelerator?: 'auto' | 'tcg';
  /** Where the console's whole text is written; the result holds its end alone. */
  logFile?: string;
}

export interface VerifyContext {
  signal: AbortSignal;
  progress: Progress;
  /** Milliseconds per stage; added to. */
  timings: Record<string, number>;
}
