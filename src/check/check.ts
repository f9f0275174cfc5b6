import type { Check, Finding, KlpSymbol, ResultDocument } from '../shared/result.js';
import { exportsRow } from './exports.js';
import { archName, architectureRow, buildRow, configRow, vermagicRow } from './identity.js';
import { isProvedBuild, modulesRow } from './module-builds.js';
import { foundSymbols, lookUp, placesRow } from './places.js';
import { asChecks, asFindings, type Row } from './row.js';
import { traceRow } from './trace.js';
import type { LivepatchNeeds, ProvedBuild, RunningKernel } from './types.js';

/** What came of a check; each part of it belongs into the result document. */
export interface CheckReport {
  status: 'ok' | 'refused';
  /** The kernel, as far as its files tell. */
  kernel?: NonNullable<ResultDocument['kernel']>;
  checks: Check[];
  findings: Finding[];
  /** The klp symbols that were found. */
  symbols: KlpSymbol[];
}

/**
 * Compares all that a finished livepatch asks of a kernel with what the kernel's files tell. Every mismatch is reported, and
 * what could not be looked at as well; nothing is guessed.
 * @throws KlpError `elf-malformed`, `kernel-symbols-missing` from damaged files
 */
export function checkLivepatch(needs: LivepatchNeeds, kernel: RunningKernel): CheckReport {
  const rows = rowsOf(needs, kernel);
  const refused = rows.some(({ problems }) => problems.length > 0);
  const [release] = kernel.vermagics[0]?.value.split(' ') ?? [];
  const machine = kernel.machines[0]?.value;
  const buildId = kernel.buildIds[0]?.value;
  return {
    status: refused ? 'refused' : 'ok',
    checks: asChecks(rows),
    findings: asFindings(rows),
    symbols: foundSymbols(lookUp(needs.symbols, kernel)),
    ...(release === undefined || machine === undefined
      ? {}
      : { kernel: { release, arch: archName(machine), ...(buildId === undefined ? {} : { buildId }) } }),
  };
}

function rowsOf(needs: LivepatchNeeds, kernel: RunningKernel): Row[] {
  const architecture = architectureRow(needs, kernel);
  // Of another architecture nothing else can be compared.
  if (architecture.problems.length > 0) return [architecture];
  const proved: ProvedBuild = (object) => isProvedBuild(needs, kernel, object);
  const { functions } = needs;
  const looked = functions.ok ? lookUp(functions.list, kernel) : [];
  return [
    architecture,
    buildRow(needs, kernel),
    ...modulesRow(needs, kernel),
    vermagicRow(needs, kernel),
    configRow(needs, kernel),
    ...(functions.ok
      ? [placesRow('functions', looked, proved), traceRow(looked, kernel, proved)]
      : [unreadFunctions(functions.why)]),
    placesRow('symbols', lookUp(needs.symbols, kernel), proved),
    exportsRow(needs, kernel, proved('vmlinux')),
  ];
}

function unreadFunctions(why: string): Row {
  return {
    name: 'functions',
    detail: '',
    problems: [],
    open: [
      {
        what: `which functions it patches, and so their places and whether ftrace can enter them: ${why}`,
        advice: 'Look at its source; the tables of livepatches that klp-docker made can be read.',
      },
    ],
  };
}
