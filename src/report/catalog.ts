import type { Served } from '../shared/compilers.js';
import { table } from './units.js';

/** `6.4.0` as people write it. */
function plain(version: string): string {
  return version.replace(/\.0$/, '');
}

/**
 * What can be built, for people: kernels and the LLVM versions that serve them, and where each LLVM comes from.
 * @param suites LLVM version to Debian suite
 */
export function renderCatalog(
  served: readonly Served[],
  suites: readonly { llvm: number; suite: string }[],
): string {
  const rows = served.map(({ arch, from, before, llvm, others, series }) => [
    arch,
    before === undefined ? `${plain(from)} and newer` : `${plain(from)} to before ${plain(before)}`,
    series ? 'yes' : '',
    String(llvm),
    others.join(' '),
  ]);
  const sources = suites.map(({ llvm, suite }) => [String(llvm), suite]);
  return `${[
    ...table([['ARCH', 'KERNELS', 'SERIES', 'LLVM', 'OTHERS'], ...rows]),
    '',
    'SERIES: the build applies patches of our own, see images/series.',
    'OTHERS: what --llvm takes; nothing is known against them, but not every pair has been tried.',
    '',
    ...table([['LLVM', 'FROM DEBIAN'], ...sources]),
  ].join('\n')}\n`;
}
