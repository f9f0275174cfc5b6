import { isSameBuild } from './identity.js';
import { describeObject } from './places.js';
import { problem, type Row } from './row.js';
import type { LivepatchNeeds, RunningKernel } from './types.js';

/** The modules that the livepatch patches or whose symbols it uses. */
function modulesOf({ functions, symbols, modules }: LivepatchNeeds): string[] {
  const objects = [...(functions.ok ? functions.list : []), ...symbols].map(({ object }) => object);
  const names = [...modules.map(({ name }) => name), ...objects];
  return [...new Set(names)].filter((name) => name !== 'vmlinux');
}

function madeFor({ modules }: LivepatchNeeds, object: string): string | undefined {
  return modules.find(({ name }) => name === object)?.buildId;
}

/**
 * Whether vmlinux or a module is proved to be the very build that the livepatch was made for. A livepatch that says
 * nothing of its modules is taken by the build of the kernel.
 */
export function isProvedBuild(needs: LivepatchNeeds, kernel: RunningKernel, object: string): boolean {
  const own = madeFor(needs, object);
  if (own === undefined) return isSameBuild(needs, kernel) === true;
  const files = kernel.modulesOf(object);
  return files.length > 0 && files.every(({ value }) => value === own);
}

/** Whether the files of modules are of the builds that the livepatch was made for; nothing for a livepatch of no module. */
export function modulesRow(needs: LivepatchNeeds, kernel: RunningKernel): Row[] {
  const names = modulesOf(needs);
  if (names.length === 0) return [];
  const problems: Row['problems'] = [];
  const open: Row['open'] = [];
  const good: string[] = [];
  for (const object of names) {
    const own = madeFor(needs, object);
    const files = kernel.modulesOf(object);
    const silent = files.filter(({ value }) => value === undefined);
    const strange = files.filter(({ value }) => value !== undefined && value !== own);
    if (own === undefined) {
      const what = `the livepatch does not say which build of ${object} it was made for`;
      open.push({ what, advice: 'Generate it again.' });
    } else if (strange.length > 0) {
      for (const { label, value } of strange) {
        const message = `the livepatch was made for build ${own} of ${object}, ${label} is of build ${value ?? ''}`;
        problems.push(problem('module-build-differs', message, { object }));
      }
    } else if (files.length === 0) {
      const what = `no file tells the build of ${describeObject(object)}`;
      open.push({ what, advice: 'Name its .ko with --module.' });
    } else if (silent.length > 0) {
      const what = `${silent.map(({ label }) => label).join(', ')} has no build id`;
      open.push({ what, advice: 'Name the .ko as the build of the kernel made it.' });
    } else good.push(...files.map(({ label }) => label));
  }
  const detail = problems[0]?.message ?? (good.length > 0 ? `same build (${good.join(', ')})` : '');
  return [{ name: 'modules', detail, problems, open }];
}
