import { classes } from '../shared/classes.js';
import type { LivepatchClass } from '../shared/classes/class.js';
import { describeCode } from './codes.js';

function row({ number, what, handled, codes, proofs }: LivepatchClass): string {
  const refusals = codes.filter((code) => describeCode(code).finding === undefined);
  const findings = codes.filter((code) => describeCode(code).finding !== undefined);
  const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  const told = [
    ...(handled === undefined ? [] : [`${handled}.`]),
    ...(refusals.length === 0 ? [] : [`Refused: ${list(refusals)}.`]),
    ...(findings.length === 0 ? [] : [`Told: ${list(findings)}.`]),
  ];
  const tests = proofs.map(({ file, title, on }) => `${on.join(', ')}: \`${file}\`, "${title}"`);
  const cells = [String(number), what, told.join(' '), tests.join('<br>')];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** `docs/classes.md`, generated so that it cannot differ from the code. */
export function classesMarkdown(): string {
  return [
    '# What goes wrong in livepatches, and what becomes of it here',
    '',
    'Each class is handled, or refused with a code that `klp-docker explain CODE` tells more of. The last column names',
    'tests that show it: on IR alone, or on booted kernels of the architectures named. This page is generated from',
    '`src/shared/classes.ts` by `npm run docs`.',
    '',
    '| # | class | here | shown by |',
    '| - | ----- | ---- | -------- |',
    ...classes.map(row),
    '',
  ].join('\n');
}
