import type { Command } from 'commander';
import { controllerContext } from '../controller/context.js';
import { examine } from '../controller/doctor.js';
import type { Style } from '../report/style.js';
import { table } from '../report/units.js';
import { KlpError } from '../shared/errors.js';
import { failedResult } from '../shared/outcome.js';
import { emptyResult, type Check } from '../shared/result.js';
import { addVerb, type Cli } from './verb.js';

/** `doctor`: whether this machine has what is needed, and what to do about what it lacks. */
export function registerDoctor(program: Command, cli: Cli): void {
  addVerb(program, cli, {
    name: 'doctor',
    usage: '',
    summary: 'look at what klp-docker needs on this machine, and say how to get what is missing',
    example: 'klp-docker doctor',
    run: async (_args, _options, session) => {
      const checks = [nodeCheck(), ...(await examine(controllerContext(session, session.io.env)))];
      const result = { ...emptyResult('ok'), checks };
      const missing = checks.filter((check) => check.required && !check.ok).map((check) => check.name);
      if (missing.length === 0) return { result, text: renderChecks(checks, session.style) };
      const problem = new KlpError('machine-not-ready', `This machine is not ready: ${missing.join(', ')}`);
      return { result: failedResult(problem, result), text: renderChecks(checks, session.style) };
    },
  });
}

function nodeCheck(): Check {
  return { name: 'node', ok: true, detail: `${process.version} at ${process.execPath}`, required: true };
}

/** The checks for people: a mark, what was found, and advice below what is not there. */
export function renderChecks(checks: readonly Check[], style: Style): string {
  const marks = { ok: style.green('ok  '), missing: style.red('FAIL'), optional: style.yellow('--  ') };
  const rows = table(checks.map((check) => [check.name, check.detail]));
  const lines = checks.flatMap((check, i) => {
    const mark = check.ok ? marks.ok : check.required ? marks.missing : marks.optional;
    const advice = check.ok || check.advice === undefined ? [] : [`        ${style.dim(check.advice)}`];
    return [`${mark}  ${rows[i] ?? ''}`, ...advice];
  });
  const failed = checks.filter((check) => check.required && !check.ok).length;
  const last =
    failed === 0
      ? 'Everything that is needed is here.'
      : `${failed} of the things that are needed are missing.`;
  return `${[...lines, '', last].join('\n')}\n`;
}
