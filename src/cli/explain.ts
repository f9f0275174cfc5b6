import type { Command } from 'commander';
import { allCodes, describeCode, renderCode, renderCodeList } from '../report/codes.js';
import { KlpError } from '../shared/errors.js';
import { isCode } from '../shared/outcome.js';
import { emptyResult } from '../shared/result.js';
import { nearest } from './nearest.js';
import { addVerb, type Cli } from './verb.js';

/** `explain [CODE]`: what a reason code means and what to do; without a code, the list of all. */
export function registerExplain(program: Command, cli: Cli): void {
  addVerb(program, cli, {
    name: 'explain',
    usage: '[code]',
    summary: 'tell what a reason code means and what to do; without a code, list all',
    example: 'klp-docker explain input-not-found',
    run: async ([code], _options, { style }) => {
      if (typeof code !== 'string') {
        return { result: { ...emptyResult('ok'), codes: allCodes() }, text: renderCodeList(style) };
      }
      if (!isCode(code)) throw unknownCode(code);
      const document = describeCode(code);
      return { result: { ...emptyResult('ok'), codes: [document] }, text: renderCode(document, style) };
    },
  });
}

function unknownCode(code: string): KlpError {
  const near = nearest(
    code,
    allCodes().map((document) => document.code),
  );
  return new KlpError('usage', `There is no reason code ${JSON.stringify(code)}`, {
    advice: `${near === undefined ? '' : `Did you mean ${near}? `}klp-docker explain lists all codes.`,
  });
}
