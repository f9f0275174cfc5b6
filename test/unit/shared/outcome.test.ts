import { describe, expect, it } from 'vitest';
import { codes, type Code } from '../../../src/shared/codes.js';
import { exitCodeOf, KlpError } from '../../../src/shared/errors.js';
import { exitCodeOfResult, failedResult, findingOf } from '../../../src/shared/outcome.js';
import { emptyResult, resultSchema } from '../../../src/shared/result.js';

describe('failedResult', () => {
  it.each(Object.keys(codes) as Code[])(
    '%s gives a valid document with the exit code of its kind',
    (code) => {
      const document = failedResult(new KlpError(code, 'what happened'));
      expect(resultSchema.parse(document)).toEqual(document);
      expect(exitCodeOfResult(document)).toBe(exitCodeOf(codes[code].kind));
    },
  );

  it('makes anything unforeseen a defect, with its stack', () => {
    const document = failedResult(new TypeError('x is undefined'));
    expect(document.status).toBe('error');
    expect(exitCodeOfResult(document)).toBe(1);
    expect(document.findings[0]).toMatchObject({ code: 'internal', message: 'x is undefined' });
    expect(document.findings[0]?.output).toContain('outcome.test');
  });

  it('keeps what was known before the error', () => {
    const known = {
      ...emptyResult('livepatch'),
      timings: { compile: 3 },
      artifacts: [{ path: 'a', sha256: '', size: 1 }],
    };
    const document = failedResult(new KlpError('interrupted', 'stop'), known);
    expect(document).toMatchObject({ status: 'error', timings: { compile: 3 }, artifacts: [{ path: 'a' }] });
    expect(exitCodeOfResult(document)).toBe(130);
  });
});

describe('findingOf', () => {
  it('carries place, output and command, and the advice of the code where the error has none', () => {
    const detail = { file: 'fs/a.c', line: 3, function: 'f', object: 'ext4', output: 'bad', command: 'cc' };
    expect(findingOf(new KlpError('input-empty', 'm', detail))).toEqual({
      code: 'input-empty',
      severity: 'error',
      message: 'm',
      advice: codes['input-empty'].advice,
      ...detail,
    });
    expect(findingOf(new KlpError('input-empty', 'm', { advice: 'own' })).advice).toBe('own');
  });
});

describe('exitCodeOfResult', () => {
  it.each([
    ['ok', 0],
    ['built', 0],
    ['livepatch', 0],
    ['verified', 0],
    ['refused', 3],
    ['nothing-to-patch', 4],
    ['verification-failed', 6],
    ['error', 1],
  ] as const)('%s is %i', (status, code) => {
    expect(exitCodeOfResult(emptyResult(status))).toBe(code);
  });
});
