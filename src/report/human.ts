import { isAbsolute, relative } from 'node:path';
import type { ResultDocument, Verification } from '../shared/result.js';
import { renderFinding } from './finding.js';
import { renderGraph, renderTouched, slimness } from './slimness.js';
import type { Style } from './style.js';
import { count, duration, indented, size, table } from './units.js';

/** Lines of the console that a failed verification shows. */
const consoleLines = 25;

export interface HumanOptions {
  style: Style;
  /** The command line that makes the same result again, if there is one to show. */
  again?: string;
  /** Show commands of any length whole, and why each thing is in the livepatch. */
  verbose?: boolean;
  /** Paths below this folder are shown relative to it. */
  cwd?: string;
}

/** A path as a person in `cwd` would type it. */
export function shownPath(path: string, cwd: string | undefined): string {
  if (cwd === undefined) return path;
  const from = relative(cwd, path);
  return from === '' || from.startsWith('..') || isAbsolute(from) ? path : from;
}

/**
 * A result document as text for people: what came of it, every function and why it is there, what was
 * found, the files, the verification, the times.
 */
export function renderResult(result: ResultDocument, options: HumanOptions): string {
  const { style } = options;
  const made = ['ok', 'built', 'livepatch', 'verified'].includes(result.status);
  const findings = result.findings.flatMap((finding) => [
    '',
    ...renderFinding(finding, style, options.verbose),
  ]);
  const contents = [
    ...section('functions', [...renderFunctions(result), ...slimness(result)], style),
    ...(options.verbose ? section('touched by the patch', renderTouched(result), style) : []),
    ...(options.verbose ? section('why each is there', renderGraph(result), style) : []),
    ...section('symbols', renderSymbols(result), style),
    ...section('match', renderFidelity(result), style),
  ];
  const proof = section(
    'verification',
    result.verification ? renderVerification(result.verification, style, options.cwd) : [],
    style,
  );
  const files = table(
    result.artifacts.map((artifact) => [shownPath(artifact.path, options.cwd), size(artifact.size)]),
    '  ',
  );
  const again = section('again', options.again === undefined ? [] : [`  ${options.again}`], style);
  const lines = [
    headline(result, style),
    // What went wrong is all that a reader wants to see then.
    ...(made ? contents : []),
    ...proof,
    ...(made ? section('files', files, style) : []),
    ...findings,
    ...(made ? section('time', renderTimings(result.timings), style) : []),
    ...(made || result.verification ? again : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** The errors of a document alone, for `--quiet`. */
export function renderErrors(result: ResultDocument, style: Style): string {
  const errors = result.findings.filter((finding) => finding.severity === 'error');
  return errors.map((finding) => `${renderFinding(finding, style).join('\n')}\n`).join('\n');
}

function section(title: string, lines: readonly string[], style: Style): string[] {
  return lines.length === 0 ? [] : ['', style.bold(title), ...lines];
}

/** One line that says what came of the command. */
function headline(result: ResultDocument, style: Style): string {
  const { green, red, yellow, bold } = style;
  const forKernel = result.kernel ? ` for Linux ${result.kernel.release} (${result.kernel.arch})` : '';
  const compiler = result.toolchain ? `, ${result.toolchain.compiler}` : '';
  const image = result.image ? `: ${result.image.ref} (${result.image.origin})` : '';
  switch (result.status) {
    case 'ok':
      return bold(green('done'));
    case 'built':
      return bold(green(`image ready${forKernel}`)) + image + compiler;
    case 'surveyed':
      return bold(green(`survey complete${forKernel}`)) + compiler;
    case 'livepatch':
      return bold(green(`livepatch made${forKernel}`)) + compiler;
    case 'verified':
      return bold(green(`livepatch verified${forKernel}`)) + compiler;
    case 'nothing-to-patch':
      return bold(yellow(`nothing to patch${forKernel}`));
    case 'refused':
      return bold(red(`refused${forKernel}`)) + compiler;
    case 'verification-failed':
      return bold(red(`verification failed${forKernel}`)) + compiler;
    case 'error':
      return bold(red(`failed${forKernel}`));
  }
}

function renderFunctions(result: ResultDocument): string[] {
  return table(
    result.functions.map((f) => [
      f.object,
      f.sympos === 0 ? f.name : `${f.name} (number ${f.sympos} of its name)`,
      [f.why, ...f.because].join(' '),
      f.source.line === undefined ? f.source.file : `${f.source.file}:${f.source.line}`,
    ]),
    '  ',
  );
}

function renderSymbols(result: ResultDocument): string[] {
  return table(
    result.symbols.map((s) => [s.object, s.sympos === 0 ? s.name : `${s.name},${s.sympos}`, s.proof]),
    '  ',
  );
}

function renderFidelity(result: ResultDocument): string[] {
  return result.fidelity.map((f) => {
    const said = f.identical
      ? 'recompiled unpatched, gives the code that is in the kernel'
      : 'recompiled unpatched, does NOT give the code that is in the kernel';
    return `  ${f.object}: ${said}${f.detail === undefined ? '' : ` (${f.detail})`}`;
  });
}

/** Verification: each step with its result and what it printed, grouped by phase. */
export function renderVerification(verification: Verification, style: Style, cwd?: string): string[] {
  const lines = [`  QEMU with ${verification.accelerator === 'kvm' ? 'KVM' : 'TCG (emulation)'}`];
  let phase = '';
  for (const step of verification.steps) {
    if (step.phase !== phase) lines.push(`  ${style.bold(step.phase)}`);
    phase = step.phase;
    const mark = step.ok ? style.green('ok    ') : style.red('FAILED');
    lines.push(
      `    ${mark}  ${step.name}${step.ms === undefined ? '' : `  ${style.dim(duration(step.ms))}`}`,
    );
    if (step.output !== undefined && step.output.trim() !== '') {
      lines.push(...indented(step.output.trimEnd(), `            ${style.dim('|')} `));
    }
  }
  for (const [load, ms] of Object.entries(verification.transitionMs)) {
    lines.push(`  transition ${load}: ${duration(ms)}`);
  }
  const tests = verification.selftests ?? [];
  for (const test of tests) {
    const mark = test.skipped
      ? style.yellow('skipped')
      : test.ok
        ? style.green('ok     ')
        : style.red('FAILED ');
    lines.push(`    ${mark} ${test.name}`);
  }
  if (tests.length > 0) {
    const skipped = tests.filter((t) => t.skipped).length;
    const passed = tests.filter((t) => t.ok && !t.skipped).length;
    lines.push(
      `  kernel selftests: ${passed} passed, ${tests.length - passed - skipped} failed, ${skipped} skipped`,
    );
  }
  if (verification.dmesg.length > 0) {
    lines.push(`  ${style.red(`${count(verification.dmesg.length, 'suspicious line')} in the kernel log`)}`);
    lines.push(...verification.dmesg.map((line) => `            ${style.dim('|')} ${line}`.trimEnd()));
  } else if (verification.steps.every((step) => step.ok)) {
    lines.push('  kernel log: no warning, oops or lockup');
  }
  if (!verification.steps.every((step) => step.ok) && verification.log !== undefined) {
    lines.push('  last lines of the console');
    const end = verification.log.trimEnd().split('\n').slice(-consoleLines);
    lines.push(...end.map((line) => `            ${style.dim('|')} ${line}`.trimEnd()));
  }
  if (verification.logFile !== undefined)
    lines.push(`  whole console: ${shownPath(verification.logFile, cwd)}`);
  return lines;
}

function renderTimings(timings: Record<string, number>): string[] {
  return table(
    Object.entries(timings).map(([name, ms]) => [name, duration(ms)]),
    '  ',
  );
}
