import type { Command } from 'commander';
import { controllerContext } from '../controller/context.js';
import { examine } from '../controller/doctor.js';
import { renderChecks } from '../report/checks.js';
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
      const last =
        missing.length === 0
          ? 'Everything that is needed is here.'
          : `${missing.length} of the things that are needed are missing.`;
      const text = `${[...renderChecks(checks, session.style), '', last].join('\n')}\n`;
      if (missing.length === 0) return { result, text };
      const problem = new KlpError('machine-not-ready', `This machine is not ready: ${missing.join(', ')}`);
      return { result: failedResult(problem, result), text };
    },
  });
}

function nodeCheck(): Check {
  return { name: 'node', ok: true, detail: `${process.version} at ${process.execPath}`, required: true };
}
