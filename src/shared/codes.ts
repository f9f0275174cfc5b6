import type { Kind } from './errors.js';

/** What `explain CODE` prints; `advice` also ends every message that has none of its own. */
export interface CodeEntry {
  kind: Kind;
  title: string;
  meaning: string;
  advice: string;
}

function entry(kind: Kind, title: string, meaning: string, advice: string): CodeEntry {
  return { kind, title, meaning, advice };
}

/**
 * Every reason code there is. Codes are stable: scripts depend on them. A code is never renamed; one that
 * is no longer produced is removed with a note in the changelog.
 */
export const codes = {
  internal: entry(
    'defect',
    'A defect in klp-docker',
    'Something happened that the program did not foresee. Nothing was produced.',
    'Please report it with the output of the same command and --verbose.',
  ),
  interrupted: entry(
    'interrupted',
    'Interrupted',
    'The command was stopped by a signal; containers, virtual machines and temporary files were removed.',
    'Run the command again.',
  ),
  usage: entry(
    'usage',
    'The command line does not fit',
    'An option or argument is missing, unknown, or has a value that cannot be used.',
    'See --help of the command.',
  ),
} as const satisfies Record<string, CodeEntry>;

export type Code = keyof typeof codes;
