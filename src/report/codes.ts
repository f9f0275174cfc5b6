import { codes, type Code } from '../shared/codes.js';
import type { CodeEntry } from '../shared/codes/entry.js';
import { examples } from '../shared/codes/examples.js';
import { exitCodeOf } from '../shared/errors.js';
import type { ResultDocument } from '../shared/result.js';
import type { Style } from './style.js';
import { indented, table, wrapped } from './units.js';

/** Columns that explanations take. */
const proseWidth = 96;

export type CodeDocument = NonNullable<ResultDocument['codes']>[number];

/** A reason code as the result document tells it. */
export function describeCode(code: Code): CodeDocument {
  const { kind, ...told }: CodeEntry = codes[code];
  const example = examples[code];
  return {
    code,
    exitCode: told.finding === undefined ? exitCodeOf(kind) : 0,
    ...told,
    ...(example === undefined ? {} : { example }),
  };
}

/** How a code ends a command, e.g. `exit code 3`; a note or warning does not. */
function weight({ exitCode, finding }: CodeDocument): string {
  return finding === undefined ? `exit code ${exitCode}` : `a ${finding}; it does not change the exit code`;
}

/** Every reason code, by exit code and then by name. */
export function allCodes(): CodeDocument[] {
  const documents = Object.keys(codes).map((code) => describeCode(code as Code));
  return documents.sort((a, b) => a.exitCode - b.exitCode || (a.code < b.code ? -1 : 1));
}

/** One reason code for people. */
export function renderCode(document: CodeDocument, style: Style): string {
  return [
    `${style.bold(document.code)}: ${document.title} (${weight(document)})`,
    '',
    ...indented(wrapped(document.meaning, proseWidth), '  '),
    '',
    style.bold('What to do'),
    ...indented(wrapped(document.advice, proseWidth), '  '),
    ...exampleLines(document, style),
    '',
  ].join('\n');
}

function exampleLines({ example }: CodeDocument, style: Style): string[] {
  if (example === undefined) return [];
  const source = (text: string): string[] => indented(text, '  ');
  return [
    '',
    style.bold('For example'),
    ...source(example.source),
    '',
    style.bold('write'),
    ...source(example.instead),
  ];
}

/** The list of all reason codes for people. */
export function renderCodeList(style: Style): string {
  const rows = allCodes().map((document) => [
    document.finding ?? String(document.exitCode),
    document.code,
    document.title,
  ]);
  return [
    style.bold('Exit code (or note, warning: these do not change it), reason code, what it says:'),
    ...table(rows, '  '),
    '',
    'klp-docker explain CODE tells what one means and what to do.',
    '',
  ].join('\n');
}

/** `docs/codes.md`, generated so that it cannot differ from the code. */
export function codesMarkdown(): string {
  const lines = [
    '# Reason codes',
    '',
    'Every error, refusal and warning carries one of these codes. They are stable: scripts may depend on them.',
    'This page is generated from `src/shared/codes/` by `npm run docs`; `klp-docker explain CODE` prints one entry.',
  ];
  let exitCode = -1;
  for (const document of allCodes()) {
    if (document.exitCode !== exitCode) {
      lines.push('', document.exitCode === 0 ? '## Notes and warnings' : `## Exit code ${document.exitCode}`);
      if (document.exitCode === 0)
        lines.push('', 'They stand beside a result and do not change the exit code.');
    }
    exitCode = document.exitCode;
    const text = (s: string): string => s.replaceAll('<', '&lt;').replaceAll('\n', '\n  ');
    lines.push(
      '',
      `### \`${document.code}\``,
      '',
      `${text(document.title)}${document.finding === undefined ? '' : ` (a ${document.finding})`}.`,
      '',
      text(document.meaning),
    );
    lines.push('', `**What to do:** ${text(document.advice)}`);
    const { example } = document;
    if (example === undefined) continue;
    lines.push(
      '',
      'For example',
      '',
      '```diff',
      example.source,
      '```',
      '',
      'write',
      '',
      '```diff',
      example.instead,
      '```',
    );
  }
  return `${lines.join('\n')}\n`;
}
