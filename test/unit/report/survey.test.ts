import { describe, expect, it } from 'vitest';
import { plainStyle } from '../../../src/report/style.js';
import { renderSurvey } from '../../../src/report/survey.js';
import type { SurveyedItem } from '../../../src/shared/result.js';
import { summarise } from '../../../src/survey/summary.js';

const livepatch: SurveyedItem = {
  ...{
    name: 'fs/a.c',
    id: 'a',
    files: ['fs/a.c'],
    outcome: 'livepatch',
    with: [],
    attempts: [],
    leftOut: [],
  },
  ...{ functions: 1, touched: 1, module: 'items/a/a.ko', folder: 'items/a', ms: 1 },
};

/** The report on a survey of one livepatch. */
function report(ordered: boolean): string {
  const survey = summarise({ about: 'A to B', ordered }, [
    { key: '', entry: livepatch, findings: [], objects: [] },
  ]);
  expect(survey.change).toBe(ordered ? 'patch' : 'file');
  return renderSurvey(survey, plainStyle, false).join('\n');
}

describe('the report on a survey', () => {
  it('of two releases says that the livepatch of a file may be a part of a fix', () => {
    expect(report(false)).toContain('a fix may have parts in others');
  });

  it('of patches, which are whole, does not', () => {
    expect(report(true)).not.toContain('parts');
  });
});
