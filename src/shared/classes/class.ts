import type { Code } from '../codes.js';

/** A test that shows what a class says. */
export interface Proof {
  file: string;
  /** Words of the test's title, or of the table that it goes through. */
  title: string;
  /** Architectures of the kernels it runs on; `IR` when it needs no kernel. */
  on: readonly ('IR' | 'x86_64' | 'arm64')[];
}

/** One thing that goes wrong in livepatches, and what becomes of it here. */
export interface LivepatchClass {
  number: number;
  what: string;
  /** How it is handled, where it is. */
  handled?: string;
  /** Codes of refusals, then of notes and warnings. */
  codes: readonly Code[];
  proofs: readonly Proof[];
}

export const both = ['x86_64', 'arm64'] as const;
export const ir = ['IR'] as const;
export const unit = (file: string, title: string): Proof => ({
  file: `test/unit/engine/${file}.test.ts`,
  title,
  on: ir,
});
export const qemu = (file: string, title: string, on: Proof['on'] = both): Proof => ({
  file: `test/qemu/${file}.test.ts`,
  title,
  on,
});

/** A case of test/qemu/behaviour.test.ts: seen before, while and after the livepatch is active. */
export const behaviour = (file: string, title: string, on: Proof['on'] = both): Proof => ({
  file: `test/qemu/behaviour/${file}.ts`,
  title,
  on,
});
/** A case of test/integration/refusals.test.ts: what is said of a patch for the kernel of the image. */
export const refused = (title: string, on: Proof['on'] = both): Proof => ({
  file: 'test/integration/refusals.ts',
  title,
  on,
});

export const mutants: Proof = {
  file: 'test/integration/mutation.test.ts',
  title: 'no small change to the IR of Linux %s that changes the code escapes the diff',
  on: both,
};
/** Every fix of the list becomes a livepatch of the functions that it names, and all are loaded. */
export const realFixes = qemu('real-fixes', 'becomes a livepatch of the functions that it changes');
export const loaded = qemu('real-fixes', 'all load, replace their functions, and go away again');
