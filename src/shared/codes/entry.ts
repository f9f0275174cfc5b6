import type { Kind } from '../errors.js';

/** What `explain CODE` prints; `advice` also ends every message that has none of its own. */
export interface CodeEntry {
  kind: Kind;
  title: string;
  meaning: string;
  advice: string;
  /** What a code says that never ends a command; left out for errors. */
  finding?: 'note' | 'warning';
}

/** Makes an entry; `finding` as in CodeEntry. */
export function entry(
  kind: Kind,
  title: string,
  meaning: string,
  advice: string,
  finding?: CodeEntry['finding'],
): CodeEntry {
  return { kind, title, meaning, advice, ...(finding === undefined ? {} : { finding }) };
}
