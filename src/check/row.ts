import type { Code } from '../shared/codes.js';
import type { Check, Finding } from '../shared/result.js';

/** What came of one part of the check. */
export interface Row {
  name: string;
  /** What was found, or what was not, in a line. */
  detail: string;
  /** What does not fit. */
  problems: Finding[];
  /** What could not be looked at, and what is needed for it. */
  open: { what: string; advice: string }[];
}

/** A mismatch. */
export function problem(
  code: Code,
  message: string,
  place: Pick<Finding, 'object' | 'function' | 'advice'> = {},
): Finding {
  return { code, severity: 'error', message, ...place };
}

/** Rows as the result document lists them. */
export function asChecks(rows: readonly Row[]): Check[] {
  return rows.map(({ name, detail, problems, open }) => ({
    name,
    ok: problems.length === 0 && open.length === 0,
    detail: [detail, ...open.map(({ what }) => `not checked: ${what}`)].filter(Boolean).join('; '),
    required: problems.length > 0,
    ...(open[0] === undefined ? {} : { advice: [...new Set(open.map(({ advice }) => advice))].join(' ') }),
  }));
}

/** All that was found, what was not looked at last. */
export function asFindings(rows: readonly Row[]): Finding[] {
  const open = rows.flatMap((row) => row.open.map((one) => ({ ...one, row: row.name })));
  return [
    ...rows.flatMap(({ problems }) => problems),
    ...open.map(({ what, advice, row }): Finding => ({
      code: 'fit-not-checked',
      severity: 'warning',
      message: `${row}: ${what}`,
      advice,
    })),
  ];
}
