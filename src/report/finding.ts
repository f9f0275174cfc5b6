import { codes } from '../shared/codes.js';
import { isCode } from '../shared/outcome.js';
import type { Finding } from '../shared/result.js';
import type { Style } from './style.js';
import { indented, wrapped } from './units.js';

/** Lines of a failed program's output that are shown; the rest is in --log and --json. */
const outputLines = 40;
/** A command longer than this many characters is shown by its beginning and its end. */
const longCommand = 200;
/** Columns that explanations take; commands and program output are never broken. */
const proseWidth = 96;

/** Where a finding is, as compilers write it: `fs/proc/meminfo.c:35 in meminfo_proc_show()`. */
export function placeOf(finding: Finding): string {
  const file =
    finding.file === undefined
      ? ''
      : finding.line === undefined
        ? finding.file
        : `${finding.file}:${finding.line}`;
  const within = finding.function === undefined ? '' : `in ${finding.function}()`;
  const object = finding.object === undefined ? '' : `(${finding.object})`;
  return [file, within, object].filter((part) => part !== '').join(' ');
}

/**
 * A finding for people: what happened, where, what was printed, why it matters, what to do next, its code.
 * @param whole show a command of any length whole
 */
export function renderFinding(finding: Finding, style: Style, whole = false): string[] {
  const paint = { error: style.red, warning: style.yellow, note: style.cyan }[finding.severity];
  const lines = [`${style.bold(paint(`${finding.severity}:`))} ${style.bold(finding.message)}`];
  const place = placeOf(finding);
  if (place !== '') lines.push(`  at    ${place}`);
  if (finding.output !== undefined) lines.push(...renderOutput(finding.output, style));
  if (finding.command !== undefined) lines.push(...renderCommand(finding.command, style, whole));
  const known = isCode(finding.code) ? codes[finding.code] : undefined;
  if (known !== undefined && finding.severity !== 'note')
    lines.push(...entry('why', wrapped(known.meaning, proseWidth)));
  const advice = finding.advice ?? known?.advice;
  if (advice !== undefined) lines.push(...entry('next', wrapped(advice, proseWidth)));
  lines.push(style.dim(`  code  ${finding.code} (klp-docker explain ${finding.code})`));
  return lines;
}

/** The last lines of what a program printed, and how many came before them. */
function renderOutput(output: string, style: Style): string[] {
  const all = output.trimEnd().split('\n');
  const shown = all.slice(-outputLines);
  const left = all.length - shown.length;
  return [
    ...(left > 0 ? [style.dim(`  | … ${left} more lines above (in --json and --log)`)] : []),
    ...shown.map((line) => `  ${style.dim('|')} ${line}`.trimEnd()),
  ];
}

/** A compiler's command has a hundred options, and the one that fails is rarely among them. */
function renderCommand(command: string, style: Style, whole: boolean): string[] {
  if (whole || command.length <= longCommand) return entry('ran', command);
  const [from, to] = [command.slice(0, longCommand / 2), command.slice(-longCommand / 2)];
  return [
    ...entry('ran', `${from.slice(0, from.lastIndexOf(' '))} … ${to.slice(to.indexOf(' ') + 1)}`),
    style.dim('        (all of it with --verbose, in --json and --log)'),
  ];
}

/** A labelled text; further lines stand below the first. */
function entry(label: string, text: string): string[] {
  return indented(text, '        ').map((line, i) =>
    i === 0 ? `  ${label.padEnd(6)}${line.trimStart()}` : line,
  );
}
