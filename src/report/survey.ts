import type { Survey, SurveyedItem } from '../shared/result.js';
import { outcomeNames } from '../survey/summary.js';
import type { Style } from './style.js';
import { count, table, wrapped } from './units.js';

/** Width of a message below its item. */
const messageWidth = 100;

const partsNote =
  'A livepatch here is of the changes to one file (and of those named `with`): a fix may have parts in others.';

/**
 * A survey as text for people: how many of each outcome and code, then each item that is or was to be a livepatch.
 * @param all list the items without anything to patch as well
 */
export function renderSurvey(survey: Survey, style: Style, all: boolean): string[] {
  const { outcomes, codes, functions, items } = survey;
  const of = (...wanted: SurveyedItem['outcome'][]): SurveyedItem[] =>
    items.filter(({ outcome }) => wanted.includes(outcome));
  const made = items.filter((item) => item.module !== undefined);
  const lines = [
    style.bold(`${survey.about}: ${count(items.length, 'change')}`),
    ...table(
      Object.entries(outcomes).map(([name, n]) => [String(n).padStart(6), nameOf(name)]),
      '  ',
    ),
    ...(survey.change === 'file' && made.length > 0 ? ['', partsNote] : []),
    ...section('reasons', countRows(codes), style),
    ...section('livepatches', table(made.map(livepatchRow), '  '), style),
    ...section('refused', of('refused').flatMap(reasonLines), style),
    ...section('unusable', of('unusable').flatMap(reasonLines), style),
    ...section('failed', of('verification-failed', 'error').flatMap(reasonLines), style),
    ...(all
      ? section('left alone', of('nothing-to-patch', 'not-in-config').flatMap(reasonLines), style)
      : []),
  ];
  if (made.length === 0) return lines;
  const touched = count(functions.touched, 'function');
  const sizes = `${touched} touched by the patches, ${functions.included} in the modules`;
  return [...lines, ...section('functions', [`  ${sizes}`], style)];
}

function nameOf(outcome: string): string {
  return outcomeNames[outcome as SurveyedItem['outcome']];
}

function countRows(codes: Record<string, number>): string[] {
  return table(
    Object.entries(codes).map(([code, n]) => [String(n).padStart(6), code]),
    '  ',
  );
}

function section(title: string, lines: readonly string[], style: Style): string[] {
  return lines.length === 0 ? [] : ['', style.bold(title), ...lines];
}

function livepatchRow(item: SurveyedItem): string[] {
  const companions = item.with.length === 0 ? '' : `with ${item.with.join(', ')}`;
  return [item.name, count(item.functions, 'function'), companions];
}

function reasonLines(item: SurveyedItem): string[] {
  const place = item.file === undefined || item.line === undefined ? '' : ` (${item.file}:${item.line})`;
  const companions = item.with.length === 0 ? [] : [`    with ${item.with.join(', ')}`];
  const message = wrapped((item.message ?? '').split('\n')[0] ?? '', messageWidth).split('\n');
  return [
    `  ${item.name}: ${item.code ?? ''}${place}`,
    ...message.map((line) => `    ${line}`.trimEnd()),
    ...companions,
  ];
}
