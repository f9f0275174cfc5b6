import { archData, supportedArchs } from '../shared/catalog.js';
import { problem, type Row } from './row.js';
import type { LivepatchNeeds, RunningKernel, Told } from './types.js';

/** Name of the architecture of an ELF machine, or the machine's number. */
export function archName(machine: number): string {
  const known = supportedArchs().find((name) => archData(name).elfMachine === machine);
  return known ?? `ELF machine ${machine}`;
}

export function architectureRow(needs: LivepatchNeeds, kernel: RunningKernel): Row {
  const own = archName(needs.machine);
  return compare('architecture', own, kernel.machines, {
    same: (value) => value === needs.machine,
    differs: ({ value, label }) =>
      problem('kernel-arch-differs', `the livepatch is for ${own}, ${label} for ${archName(value)}`),
    needed:
      isSameBuild(needs, kernel) === true
        ? 'same build'
        : { what: 'no file tells it', advice: 'Name the vmlinux of the kernel with --vmlinux.' },
  });
}

/** Whether the kernel is the very build that the livepatch was made for; undefined when it cannot be told. */
export function isSameBuild(needs: LivepatchNeeds, kernel: RunningKernel): boolean | undefined {
  if (needs.buildId === undefined || kernel.buildIds.length === 0) return undefined;
  return kernel.buildIds.every(({ value }) => value === needs.buildId);
}

export function buildRow(needs: LivepatchNeeds, kernel: RunningKernel): Row {
  const [first, ...others] = kernel.buildIds;
  const own = needs.buildId;
  if (own !== undefined) {
    return compare('build id', own, kernel.buildIds, {
      same: (value) => value === own,
      differs: ({ value, label }) =>
        problem(
          'kernel-build-differs',
          `the livepatch was made for build ${own}, ${label} is of build ${value}`,
        ),
      needed: {
        what: 'no file tells that of the kernel',
        advice: 'Name its vmlinux with --vmlinux, or a copy of /sys/kernel/notes with --notes.',
      },
    });
  }
  const strangers = others.filter(({ value }) => value !== first?.value);
  return {
    name: 'build id',
    detail: '',
    problems: strangers.map(({ label }) =>
      problem('kernel-build-differs', `${first?.label ?? ''} and ${label} are of two builds of the kernel`),
    ),
    open: [
      {
        what: 'the livepatch does not say which build it was made for',
        advice: 'Generate it again, or name the package in place of the module.',
      },
    ],
  };
}

export function vermagicRow(needs: LivepatchNeeds, kernel: RunningKernel): Row {
  return compare('version magic', needs.vermagic.trim(), kernel.vermagics, {
    same: (value) => value === needs.vermagic,
    differs: ({ value, label }) =>
      problem(
        'vermagic-differs',
        `the livepatch has ${JSON.stringify(needs.vermagic)}, ${label} ${JSON.stringify(value)}`,
      ),
    needed:
      isSameBuild(needs, kernel) === true
        ? 'same build'
        : {
            what: 'no file tells that of the kernel',
            advice: 'Name its vmlinux with --vmlinux, or one of its modules with --module.',
          },
  });
}

interface Comparison<T> {
  same: (value: T) => boolean;
  differs: (told: Told<T>) => Row['problems'][number];
  /** What to say without a witness; `same build`: it is proved by the build id. */
  needed: Row['open'][number] | 'same build';
}

function compare<T>(name: string, own: string, witnesses: readonly Told<T>[], how: Comparison<T>): Row {
  if (witnesses.length === 0) {
    const { needed } = how;
    if (needed === 'same build') return { name, detail: sameBuildDetail, problems: [], open: [] };
    return { name, detail: '', problems: [], open: [needed] };
  }
  const problems = witnesses.filter(({ value }) => !how.same(value)).map(how.differs);
  const labels = witnesses.map(({ label }) => label).join(', ');
  return { name, detail: problems[0]?.message ?? `${own} (${labels})`, problems, open: [] };
}

/** What is said of what was looked at when the livepatch was made, for the same build. */
export const sameBuildDetail = 'as it was when the livepatch was made for this build';

/** What a kernel must have to take a livepatch at all. */
const neededOptions = ['CONFIG_MODULES', 'CONFIG_KALLSYMS_ALL', 'CONFIG_DYNAMIC_FTRACE', 'CONFIG_LIVEPATCH'];

export function configRow(needs: LivepatchNeeds, { config }: RunningKernel): Row {
  const name = 'configuration';
  if (config === undefined) {
    const advice = 'Name its .config, or a copy of /proc/config.gz, with --config.';
    return { name, detail: '', problems: [], open: [{ what: 'no file tells it', advice }] };
  }
  const { value, label } = config;
  const unset = neededOptions.filter((option) => value.options.get(option) !== 'y');
  const problems: Row['problems'] = [];
  if (unset.length > 0) {
    problems.push(problem('kernel-without-livepatch', `${label} does not set ${unset.join(', ')}`));
  }
  const open: Row['open'] = [];
  if (value.options.get('CONFIG_MODULE_SIG_FORCE') === 'y') {
    if (needs.signed) {
      const what = 'whether the kernel, which loads signed modules only, trusts the key that signed this one';
      open.push({ what, advice: 'Look at the keyrings of the running kernel (/proc/keys).' });
    } else {
      problems.push(
        problem('module-unsigned', `${label} sets CONFIG_MODULE_SIG_FORCE, and the module is not signed`),
      );
    }
  }
  if (needs.configSha256 !== undefined && needs.configSha256 !== value.sha256) {
    problems.push(
      problem(
        'kernel-config-differs',
        `${label} is not the configuration of the kernel that the livepatch was made for`,
      ),
    );
  }
  const same =
    needs.configSha256 === value.sha256
      ? 'the one that the livepatch was made for'
      : 'has what livepatches need';
  return { name, detail: problems[0]?.message ?? `${same} (${label})`, problems, open };
}
