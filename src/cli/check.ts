import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { checkLivepatch, type CheckReport } from '../check/check.js';
import { openRunningKernel, type KernelFiles, type NamedFile } from '../check/kernel.js';
import { readNeeds } from '../check/livepatch.js';
import { asUnusable } from '../check/unusable.js';
import { renderChecks } from '../report/checks.js';
import { renderFinding } from '../report/finding.js';
import type { Style } from '../report/style.js';
import { KlpError } from '../shared/errors.js';
import { withTempDir } from '../shared/files.js';
import type { Finding } from '../shared/result.js';
import { readSubject } from '../verify/package.js';
import { checkInput, type limits } from './inputs.js';
import type { CommonOptions, Outcome, Session } from './session.js';
import { addVerb, type Cli } from './verb.js';

interface CheckOptions extends CommonOptions {
  vmlinux?: string;
  kallsyms?: string;
  module?: string[];
  config?: string;
  symvers?: string;
  filterFunctions?: string;
  notes?: string;
}

/** `check`: whether a finished livepatch fits a kernel, by the kernel's files alone. */
export function registerCheck(program: Command, cli: Cli): void {
  addVerb<CheckOptions>(program, cli, {
    name: 'check',
    usage: '<package>',
    summary:
      'compare a livepatch (.tgz or .ko) with the files of the kernel that is to run it; nothing is loaded',
    options: [
      ['--vmlinux <file>', 'vmlinux of the kernel, with its symbols'],
      ['--kallsyms <file>', '/proc/kallsyms of the running kernel, or a copy'],
      new Option(
        '--module <file>',
        '.ko of a module that the livepatch patches or uses; may be given several times',
      ).argParser((file, others: string[] = []) => [...others, file]),
      ['--config <file>', 'configuration of the kernel: .config or /proc/config.gz'],
      ['--symvers <file>', 'Module.symvers of the kernel'],
      ['--filter-functions <file>', '/sys/kernel/tracing/available_filter_functions, or a copy'],
      ['--notes <file>', '/sys/kernel/notes, which has the build id, or a copy'],
    ],
    example:
      'klp-docker check out/livepatch-proc-meminfo.tgz --kallsyms /proc/kallsyms --notes /sys/kernel/notes',
    run: async ([path], options, session) => checkVerb(path as string, options, session),
  });
}

async function checkVerb(path: string, options: CheckOptions, session: Session): Promise<Outcome> {
  if (options.vmlinux === undefined && options.kallsyms === undefined) {
    throw new KlpError('usage', 'There is no kernel to compare with', {
      advice: 'Name its vmlinux with --vmlinux, or /proc/kallsyms or a copy of it with --kallsyms.',
    });
  }
  const subject = await checkInput(path, 'package');
  const files = await kernelFiles(options);
  const report = await withTempDir('klp-docker-check', async (dir) => {
    const { livepatch, manifest } = await readSubject(subject, dir);
    const needs = readNeeds(await readFile(livepatch), path, manifest);
    try {
      return checkLivepatch(needs, await openRunningKernel(files, needs));
    } catch (error) {
      throw asUnusable(error);
    }
  });
  const result = Object.assign(session.known, report);
  return session.options.quiet === true ? { result } : { result, text: render(report, session.style) };
}

async function kernelFiles(options: CheckOptions): Promise<KernelFiles> {
  const { vmlinux, kallsyms, config, symvers, filterFunctions, notes } = options;
  const modules: NamedFile[] = [];
  for (const label of options.module ?? []) modules.push(await namedFile(label, 'module'));
  const optional = async (
    label: string | undefined,
    what: keyof typeof limits,
  ): Promise<NamedFile | undefined> => (label === undefined ? undefined : namedFile(label, what));
  return {
    modules,
    vmlinux: await optional(vmlinux, 'vmlinux'),
    kallsyms: await optional(kallsyms, 'list of the kernel'),
    config: await optional(config, 'config'),
    symvers: await optional(symvers, 'list of the kernel'),
    filterFunctions: await optional(filterFunctions, 'list of the kernel'),
    notes: await optional(notes, 'list of the kernel'),
  };
}

async function namedFile(label: string, what: keyof typeof limits): Promise<NamedFile> {
  return { path: await checkInput(label, what), label };
}

/** A line for each part of the check, what is wrong with it, and what came of it all. */
function render({ status, kernel, checks, findings }: CheckReport, style: Style): string {
  const errors = findings.filter(({ severity }) => severity === 'error');
  const open = checks.some((check) => !check.ok && !check.required);
  const name = kernel === undefined ? 'this kernel' : `Linux ${kernel.release} (${kernel.arch})`;
  const last =
    status === 'refused'
      ? style.red(`The livepatch does not fit ${name}.`)
      : open
        ? style.yellow(`The livepatch fits ${name} as far as it was looked at.`)
        : style.green(`The livepatch fits ${name}.`);
  const lines = [...renderChecks(checks, style), ...renderByCode(errors, style), '', style.bold(last)];
  return `${lines.join('\n')}\n`;
}

/** As many of one kind are shown; all are in --json. */
const shownOfKind = 10;

/** Errors by their code, each code with its explanation once. */
function renderByCode(errors: readonly Finding[], style: Style): string[] {
  const codes = [...new Set(errors.map(({ code }) => code))];
  return codes.flatMap((code) => {
    const all = errors.filter((finding) => finding.code === code);
    const [first, ...others] = all;
    if (first === undefined) return [];
    const shown = others.slice(0, shownOfKind - 1).map(({ message }) => message);
    const left = others.length - shown.length;
    const output = [...shown, ...(left > 0 ? [`and ${left} more (in --json)`] : [])].join('\n');
    return ['', ...renderFinding(output === '' ? first : { ...first, output }, style)];
  });
}
