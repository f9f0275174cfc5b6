import { codes, type Code } from './codes.js';
import { asKlpError, exitCodeOf, type Kind, type KlpError } from './errors.js';
import { emptyResult, type Finding, type ResultDocument } from './result.js';

const statusOf: Record<Kind, ResultDocument['status']> = {
  defect: 'error',
  usage: 'error',
  refused: 'refused',
  nothing: 'nothing-to-patch',
  environment: 'error',
  verification: 'verification-failed',
  interrupted: 'error',
};

/** True for a code that `explain` knows. */
export function isCode(code: string): code is Code {
  return Object.hasOwn(codes, code);
}

/** An error as a finding of the result document. */
export function findingOf(error: KlpError): Finding {
  const { file, line, object, output, command } = error.detail;
  const where = error.detail.function;
  return {
    code: error.code,
    severity: 'error',
    message: error.message,
    advice: error.advice,
    ...(file === undefined ? {} : { file }),
    ...(line === undefined ? {} : { line }),
    ...(where === undefined ? {} : { function: where }),
    ...(object === undefined ? {} : { object }),
    ...(output === undefined || output === '' ? {} : { output }),
    ...(command === undefined ? {} : { command }),
  };
}

/**
 * The result document of a command that threw: the status that the error's kind stands for, the error as
 * the last finding, and whatever `known` (the document as far as it had come) already holds.
 */
export function failedResult(thrown: unknown, known: ResultDocument = emptyResult('error')): ResultDocument {
  const error = asKlpError(thrown);
  return { ...known, status: statusOf[error.kind], findings: [...known.findings, findingOf(error)] };
}

/**
 * The process exit code that a result document stands for. An `error` has the code of the worst of its
 * findings' kinds, read from the last finding of severity `error`; without one it is a defect.
 */
export function exitCodeOfResult(result: ResultDocument): number {
  switch (result.status) {
    case 'ok':
    case 'built':
    case 'livepatch':
    case 'verified':
    case 'surveyed':
      return 0;
    case 'refused':
      return exitCodeOf('refused');
    case 'nothing-to-patch':
      return exitCodeOf('nothing');
    case 'verification-failed':
      return exitCodeOf('verification');
    case 'error': {
      const last = result.findings.findLast((finding) => finding.severity === 'error');
      return exitCodeOf(last !== undefined && isCode(last.code) ? codes[last.code].kind : 'defect');
    }
  }
}
