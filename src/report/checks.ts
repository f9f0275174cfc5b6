import type { Check } from '../shared/result.js';
import type { Style } from './style.js';
import { table } from './units.js';

/** Checks for people: a mark, what was found, and advice below what is not right or was not looked at. */
export function renderChecks(checks: readonly Check[], style: Style): string[] {
  const marks = { ok: style.green('ok  '), failed: style.red('FAIL'), open: style.yellow('--  ') };
  const rows = table(checks.map((check) => [check.name, check.detail]));
  return checks.flatMap((check, i) => {
    const mark = check.ok ? marks.ok : check.required ? marks.failed : marks.open;
    const advice = check.ok || check.advice === undefined ? [] : [`        ${style.dim(check.advice)}`];
    return [`${mark}  ${rows[i] ?? ''}`, ...advice];
  });
}
