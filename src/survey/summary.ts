import { codes } from '../shared/codes.js';
import type { Kind } from '../shared/errors.js';
import { isCode } from '../shared/outcome.js';
import type { ResultDocument, Survey, SurveyedItem } from '../shared/result.js';
import type { ItemRecord } from './records.js';
import type { SurveyInput } from './types.js';

type Surveyed = Pick<SurveyInput, 'about' | 'ordered'>;

type Outcome = SurveyedItem['outcome'];

/** The outcomes, and how a person reads them; in the order in which they are listed. */
export const outcomeNames: Record<Outcome, string> = {
  verified: 'livepatch, verified',
  livepatch: 'livepatch',
  'verification-failed': 'livepatch, FAILED verification',
  refused: 'refused',
  unusable: 'unusable',
  'nothing-to-patch': 'nothing to patch',
  'not-in-config': 'not in this config',
  error: 'ERROR',
};

/** How many items have each outcome; outcomes that none has are left out. */
export function outcomesOf(entries: readonly Pick<SurveyedItem, 'outcome'>[]): Record<string, number> {
  const names = Object.keys(outcomeNames) as Outcome[];
  const counted = names.map(
    (name) => [name, entries.filter(({ outcome }) => outcome === name).length] as const,
  );
  return Object.fromEntries(counted.filter(([, count]) => count > 0));
}

/** `12 livepatch, 3 refused` */
export function countsText(outcomes: Record<string, number>): string {
  return Object.entries(outcomes)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}

/** The survey as the result document tells it. */
export function summarise({ about, ordered }: Surveyed, records: readonly ItemRecord[]): Survey {
  const items = records.map(({ entry }) => entry);
  const counts = new Map<string, number>();
  for (const { code } of items) if (code !== undefined) counts.set(code, (counts.get(code) ?? 0) + 1);
  const sum = (of: (item: SurveyedItem) => number): number => items.reduce((all, item) => all + of(item), 0);
  const made = (item: SurveyedItem): boolean => item.module !== undefined;
  return {
    about,
    // Only what was split by file is not in the order in which it was made.
    change: ordered ? 'patch' : 'file',
    outcomes: outcomesOf(items),
    codes: Object.fromEntries([...counts].sort(([a, n], [b, m]) => m - n || a.localeCompare(b))),
    functions: {
      included: sum((item) => (made(item) ? item.functions : 0)),
      touched: sum((item) => (made(item) ? item.touched : 0)),
    },
    items,
  };
}

/**
 * Brings a document up to date with a survey that came to its end. Refusals are results; a livepatch that failed its
 * verification, and what only klp-docker or the machine can be blamed for, are errors of the survey.
 */
export function conclude(known: ResultDocument, input: Surveyed, records: readonly ItemRecord[]): void {
  known.survey = summarise(input, records);
  known.status = 'surveyed';
  for (const { entry, findings } of records) {
    known.findings.push(...findings);
    if (entry.outcome === 'verification-failed') known.status = 'verification-failed';
  }
  const failed = records.map(({ entry }) => entry).filter(({ outcome }) => outcome === 'error');
  // The exit code is that of the last one: a defect of ours matters more than a full disk.
  for (const { name, code = 'internal', message = '' } of failed.sort((a, b) => rank(a) - rank(b))) {
    known.status = 'error';
    known.findings.push({ code, severity: 'error', message: `${name}: ${message}` });
  }
}

function rank({ code }: SurveyedItem): number {
  const kind: Kind = code !== undefined && isCode(code) ? codes[code].kind : 'defect';
  return kind === 'defect' ? 1 : 0;
}
