import semver from 'semver';
import {
  archData,
  debianData,
  kernelMinimum,
  kernelRelease,
  llvmData,
  supportedArchs,
  type ArchData,
} from './catalog.js';
import { KlpError } from './errors.js';

/** Which clang serves which kernel, and where it comes from: what images/catalog says, applied. */

export interface Toolchain {
  llvm: number;
  /** The Debian suite that carries it. */
  suite: string;
  packages: string[];
}

/** LLVM versions that images can be made with, ascending. */
export function supportedLlvms(): number[] {
  return Object.keys(llvmData().toolchains.llvm)
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Where an LLVM version comes from.
 * @param suite another suite than the catalogue's that is known to carry it
 * @throws KlpError `unknown-llvm`
 */
export function toolchainData(llvm: number, suite?: string): Toolchain {
  const { common, packages, llvm: known } = llvmData().toolchains;
  const entry = known[String(llvm)];
  if (!entry) {
    throw new KlpError(
      'unknown-llvm',
      `no source for LLVM ${llvm} (there are: ${supportedLlvms().join(', ')})`,
    );
  }
  return {
    llvm,
    suite: suite ?? entry.suite,
    packages: [...packages.map((name) => name.replace('{llvm}', String(llvm))), ...common],
  };
}

/**
 * The toolchain that a compiler names by the first line of its `--version`, as kernels keep it
 * (`Debian clang version 19.1.7 (3~deb12u1)`). Undefined for what is not in Debian's archive: compilers of other
 * systems, built by hand, or from apt.llvm.org, whose revisions begin with `++`.
 */
export function toolchainOf(compilerText: string): Toolchain | undefined {
  const [, llvm = '', revision = ''] =
    /^Debian clang version (\d+)\.[\d.]+(?:-\S+)?(?: \((\S+)\))?$/.exec(compilerText.trim()) ?? [];
  if (!supportedLlvms().includes(Number(llvm)) || revision.startsWith('++')) return undefined;
  const marks = Object.entries(debianData().revisionSuites);
  return toolchainData(Number(llvm), marks.find(([mark]) => revision.includes(`~${mark}`))?.[1]);
}

/**
 * The LLVM version for a kernel: the one asked for when it can build that kernel, else the catalogue's default.
 * @throws KlpError `llvm-does-not-fit`, `unknown-llvm`, `kernel-too-old`, `kernel-version-invalid`
 */
export function llvmFor(kernel: string, arch: ArchData, asked?: number): number {
  const fits = ruleFor(kernel, arch);
  const chosen = asked ?? llvmData().rules.default.find(fits)?.llvm;
  if (chosen === undefined) {
    throw new KlpError('kernel-too-old', `there is no LLVM for Linux ${kernel} in the catalogue`);
  }
  toolchainData(chosen);
  const obstacle = whyNot(kernel, arch, chosen);
  if (obstacle !== undefined) throw new KlpError('llvm-does-not-fit', obstacle);
  return chosen;
}

/** Why a kernel cannot be built with an LLVM version; undefined when nothing is known against it. */
function whyNot(kernel: string, arch: ArchData, llvm: number): string | undefined {
  const { minimumLlvm, knownBad } = llvmData().rules;
  const fits = ruleFor(kernel, arch);
  const least = Math.max(0, ...minimumLlvm.filter(fits).map((row) => row.llvm));
  if (llvm < least) return `Linux ${kernel} on ${arch.name} needs LLVM ${least} or newer, not ${llvm}`;
  const bad = knownBad.find((row) => fits(row) && row.llvm.includes(llvm));
  return bad && `Linux ${kernel} on ${arch.name} with LLVM ${llvm}: ${bad.why}`;
}

function ruleFor(kernel: string, arch: ArchData) {
  const release = kernelRelease(kernel);
  return (row: { kernels: string; arch?: string | undefined }): boolean =>
    (row.arch === undefined || row.arch === arch.name) && semver.satisfies(release, row.kernels);
}

/** Kernels of one architecture that the same LLVM versions serve. */
export interface Served {
  arch: string;
  /** First version, and the first that is no longer meant. */
  from: string;
  before?: string;
  /** What is taken unless `--llvm` says otherwise, and what else can be. */
  llvm: number;
  others: number[];
  /** They get the project's own series of patches, without which they cannot be livepatched. */
  series: boolean;
}

/** All that the catalogue serves, by architecture, oldest kernels first. */
export function servedKernels(): Served[] {
  const { default: defaults, minimumLlvm, knownBad } = llvmData().rules;
  const named = [...defaults, ...minimumLlvm, ...knownBad].flatMap(
    (row) => row.kernels.match(/\d+\.\d+\.\d+/g) ?? [],
  );
  return supportedArchs().flatMap((name) => {
    const arch = archData(name);
    const { withSeries, alone } = kernelMinimum(arch);
    const bounds = [...new Set([withSeries, alone, ...named])]
      .filter((version) => semver.gte(version, withSeries))
      .sort(semver.compare);
    const rows: Served[] = [];
    for (const from of bounds) {
      const llvm = llvmFor(from, arch);
      const others = supportedLlvms().filter((n) => n !== llvm && whyNot(from, arch, n) === undefined);
      const row = { arch: name, from, llvm, others, series: semver.lt(from, alone) };
      const last = rows.at(-1);
      if (last && JSON.stringify({ ...last, from }) === JSON.stringify(row)) continue;
      if (last) last.before = from;
      rows.push(row);
    }
    return rows;
  });
}
