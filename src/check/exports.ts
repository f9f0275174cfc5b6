import { sameBuildDetail } from './identity.js';
import { problem, type Row } from './row.js';
import type { Exported, ExportSource, LivepatchNeeds, NeededExport, RunningKernel } from './types.js';

/**
 * Whether the loader will find each undefined symbol among the exports, with its checksum and in a namespace that the module
 * imports.
 * @param sameBuild whether the kernel is proved to be the one that the livepatch was made for
 */
export function exportsRow(needs: LivepatchNeeds, kernel: RunningKernel, sameBuild: boolean): Row {
  const problems: Row['problems'] = [];
  const open: Row['open'] = [];
  const unversioned: string[] = [];
  const without = kernel.exports.filter(({ versions }) => versions === false);
  const uncompared: string[] = [];
  let good = 0;
  for (const needed of needs.exports) {
    const answers = kernel.exports.flatMap((source) => {
      const exported = source.find(needed.name);
      return exported === undefined ? [] : [{ source, exported }];
    });
    const lacking = missing(needed, needs, kernel.exports, answers);
    const own = [
      ...lacking.problems,
      ...answers.flatMap(({ source, exported }) => unfit(needed, needs, source, exported)),
    ];
    problems.push(...own);
    open.push(...lacking.open);
    if (own.length > 0 || lacking.open.length > 0) continue;
    if (needed.crc !== undefined && without.length > 0) {
      uncompared.push(needed.name);
      continue;
    }
    if (
      needed.crc !== undefined &&
      answers.length > 0 &&
      answers.every(({ exported }) => exported.crc === undefined)
    )
      unversioned.push(needed.name);
    good++;
  }
  const lacksAll =
    !needs.versions && kernel.exports.some((source) => (source.find('module_layout')?.crc ?? 0) !== 0);
  if (lacksAll) {
    problems.unshift(
      problem(
        'export-version-differs',
        'the module has no checksums of exported symbols, and the kernel asks for them',
      ),
    );
  }
  if (needs.versions) {
    problems.unshift(
      ...without.map(({ label }) =>
        problem(
          'export-version-differs',
          `the module has checksums of exported symbols, and in ${label} all are 0: that kernel has no CONFIG_MODVERSIONS`,
        ),
      ),
    );
  }
  if (uncompared.length > 0) {
    open.push({
      what: `checksums of ${uncompared.length} exported symbols`,
      advice: 'Name the Module.symvers of the kernel that the livepatch was made for with --symvers.',
    });
  }
  if (unversioned.length > 0 && !sameBuild) {
    open.push({
      what: `checksums and namespaces of ${unversioned.length} exported symbols`,
      advice: 'Name the vmlinux of the kernel with --vmlinux, or its Module.symvers with --symvers.',
    });
  }
  const labels = [...new Set(kernel.exports.map(({ label }) => label))].join(', ');
  const proved = unversioned.length > 0 && sameBuild ? `, ${sameBuildDetail}` : '';
  return {
    name: 'exports',
    detail: `${good} of ${needs.exports.length} exported as needed (${labels})${proved}`,
    problems,
    open,
  };
}

type Answer = { source: ExportSource; exported: Exported };

/** No file that knows all exports, or those of vmlinux, may be without a symbol that has to be there. */
function missing(
  { name, weak }: NeededExport,
  { depends }: LivepatchNeeds,
  sources: readonly ExportSource[],
  answers: readonly Answer[],
): Pick<Row, 'problems' | 'open'> {
  const nothing = { problems: [], open: [] };
  if (weak) return nothing;
  const ofModule = answers.some(({ exported }) => exported.from !== 'vmlinux');
  const lacking = sources.filter(
    (source) =>
      answers.every((answer) => answer.source !== source) &&
      (source.covers === 'all' || (source.covers === 'vmlinux' && !ofModule)),
  );
  const unnamed = depends.filter((module) =>
    sources.every(({ covers }) => covers !== 'all' && covers !== module),
  );
  if (answers.length > 0 || unnamed.length === 0) {
    return {
      ...nothing,
      problems: lacking.map(({ label }) => problem('export-missing', `${label} does not export ${name}`)),
    };
  }
  const what = `${name}, which may be an export of ${unnamed.join(', ')}`;
  return {
    ...nothing,
    open: [{ what, advice: 'Name the modules that the livepatch depends on with --module.' }],
  };
}

function unfit(
  needed: NeededExport,
  needs: LivepatchNeeds,
  source: ExportSource,
  exported: Exported,
): Row['problems'] {
  const { name, crc } = needed;
  const problems: Row['problems'] = [];
  if (needs.versions && exported.crc !== undefined && exported.crc !== 0 && exported.crc !== crc) {
    const own = crc === undefined ? 'no checksum' : hex(crc);
    problems.push(
      problem(
        'export-version-differs',
        `${name} has ${hex(exported.crc)} in ${source.label}, and ${own} in the livepatch`,
      ),
    );
  }
  const { namespace = '' } = exported;
  if (namespace !== '' && !needs.namespaces.includes(namespace)) {
    problems.push(
      problem(
        'export-namespace-missing',
        `${source.label} exports ${name} in namespace ${namespace}, which the module does not import`,
      ),
    );
  }
  return problems;
}

function hex(crc: number): string {
  return `0x${crc.toString(16).padStart(8, '0')}`;
}
