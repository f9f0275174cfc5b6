import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import semver from 'semver';
import { z } from 'zod';
import { KlpError } from './errors.js';

/** images/catalog: what the project knows of architectures, compilers, kernels and archives, as data. */

const archSchema = z.strictObject({
  name: z.string(),
  aliases: z.array(z.string()),
  /** ARCH= of the kernel's make. */
  kernelArch: z.string(),
  debianArch: z.string(),
  dockerPlatform: z.string(),
  /** The GNU name of the system, as Debian's cross packages and clang's --target know it. */
  triple: z.string(),
  /** e_machine of its ELF files. */
  elfMachine: z.number().int(),
  /** The boot image, relative to the kernel tree, and the make target that builds it. */
  kernelImage: z.string(),
  kernelImageTarget: z.string(),
  configFragments: z.array(z.string()),
  ftraceEntrySection: z.string(),
  /** What the kernel cannot do when it relocates a complete module (arch/…/kernel/module.c); absent: nothing. */
  lateRelocations: z
    .strictObject({
      /** Places that are no multiple of this (bytes) are left out without an error. */
      alignment: z.number().int(),
      /** Instructions (by relocation type) that are replaced at such offsets in a page, with this option set. */
      veneers: z.strictObject({
        config: z.string(),
        types: z.array(z.number().int()),
        page: z.number().int(),
        from: z.number().int(),
      }),
    })
    .optional(),
  qemu: z.strictObject({
    binary: z.string(),
    package: z.string(),
    machine: z.string(),
    cpu: z.strictObject({ tcg: z.string(), kvm: z.string() }),
    console: z.string(),
    append: z.string(),
  }),
});
export type ArchData = z.infer<typeof archSchema>;

const toolchainsSchema = z.strictObject({
  /** Packages every image has. */
  common: z.array(z.string()),
  /** Packages of one LLVM version; `{llvm}` stands for its number. */
  packages: z.array(z.string()),
  llvm: z.record(z.string(), z.strictObject({ suite: z.string() })),
});

const kernelsSchema = z.strictObject({
  /** Per arch: the first kernel that can be livepatched. */
  minimum: z.record(z.string(), z.strictObject({ kernel: z.string(), why: z.string() })),
  /** Per arch: the first that can be without the project's own series, where that is another. */
  minimumWithoutSeries: z.record(z.string(), z.string()),
  default: z.array(z.strictObject({ kernels: z.string(), llvm: z.number().int() })),
  minimumLlvm: z.array(z.strictObject({ kernels: z.string(), llvm: z.number().int() })),
  knownBad: z.array(z.strictObject({ kernels: z.string(), llvm: z.number().int(), why: z.string() })),
  /** Options without which a kernel cannot run as the test machine's guest: of any architecture, and by architecture. */
  guest: z.strictObject({ all: z.array(z.string()), arch: z.record(z.string(), z.array(z.string())) }),
});

const debianSchema = z.strictObject({
  mirror: z.string(),
  securityMirror: z.string(),
  /** Where a Debian system keeps the archive's public keys; the first that exists is used. */
  keyrings: z.array(z.string()),
  registryProbe: z.string(),
  /** Base image in the public registry, per suite that a base can be made of. */
  bases: z.record(z.string(), z.string()),
  suites: z.record(z.string(), z.strictObject({ base: z.string(), archive: z.enum(['main', 'security']) })),
  kernelSourceSuites: z.array(z.string()),
  /** What a package's revision says after a `~` when it was made for another suite than the one it began in. */
  revisionSuites: z.record(z.string(), z.string()),
});
export type DebianData = z.infer<typeof debianSchema>;

const kernelOrgSchema = z.strictObject({ base: z.string(), checksums: z.string() });

export interface Toolchain {
  llvm: number;
  /** The Debian suite that carries it. */
  suite: string;
  packages: string[];
}

/** The project's own root: the nearest folder upwards that holds images/catalog. */
export function projectRoot(): string {
  for (let dir = dirname(fileURLToPath(import.meta.url)); ; dir = dirname(dir)) {
    if (existsSync(join(dir, 'images', 'catalog'))) return dir;
    if (dir === dirname(dir))
      throw new KlpError('internal', 'images/catalog is missing from this installation');
  }
}

function load<T>(path: string, schema: z.ZodType<T>): T {
  const file = join(projectRoot(), 'images', 'catalog', path);
  const parsed = schema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new KlpError('internal', `${file} is not valid: ${z.prettifyError(parsed.error)}`);
}

const cache = new Map<string, unknown>();
function once<T>(path: string, schema: z.ZodType<T>): T {
  if (!cache.has(path)) cache.set(path, load(path, schema));
  return cache.get(path) as T;
}

const toolchains = () => once('toolchains.json', toolchainsSchema);
const kernels = () => once('kernels.json', kernelsSchema);

/** Names of the architectures there is data for. */
export function supportedArchs(): string[] {
  return readdirSync(join(projectRoot(), 'images', 'catalog', 'arch'))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/**
 * All that is specific to an architecture, by its name or an alias (`amd64`, `x86-64`).
 * @throws KlpError `unknown-arch`
 */
export function archData(name: string): ArchData {
  const wanted = name.toLowerCase();
  for (const arch of supportedArchs()) {
    const data = once(join('arch', `${arch}.json`), archSchema);
    if (data.name === wanted || data.aliases.includes(wanted)) return data;
  }
  throw new KlpError(
    'unknown-arch',
    `no such architecture: ${name} (there are: ${supportedArchs().join(', ')})`,
  );
}

/**
 * The architecture of an ELF file, by its e_machine.
 * @throws KlpError `unknown-arch`
 */
export function archOfMachine(elfMachine: number): ArchData {
  const found = supportedArchs()
    .map(archData)
    .find((arch) => arch.elfMachine === elfMachine);
  if (found) return found;
  throw new KlpError(
    'unknown-arch',
    `no architecture has the ELF machine ${elfMachine} (there are: ${supportedArchs().join(', ')})`,
  );
}

/** The architecture of the machine this runs on, if there is data for it. */
export function hostArch(): ArchData {
  return archData(process.arch);
}

/** LLVM versions that images can be made with, ascending. */
export function supportedLlvms(): number[] {
  return Object.keys(toolchains().llvm)
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Where an LLVM version comes from.
 * @param suite another suite than the catalogue's that is known to carry it
 * @throws KlpError `unknown-llvm`
 */
export function toolchainData(llvm: number, suite?: string): Toolchain {
  const { common, packages, llvm: known } = toolchains();
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
  if (!(llvm in toolchains().llvm) || revision.startsWith('++')) return undefined;
  const marks = Object.entries(debianData().revisionSuites);
  return toolchainData(Number(llvm), marks.find(([mark]) => revision.includes(`~${mark}`))?.[1]);
}

/** Options that a kernel needs to run as the test machine's guest. */
export function guestOptions(arch: ArchData): string[] {
  const { all, arch: own } = kernels().guest;
  return [...all, ...(own[arch.name] ?? [])];
}

/**
 * A kernel version as semver: `6.4` is 6.4.0, `7.3-rc2` is 7.3.0-rc2.
 * @throws KlpError `kernel-version-invalid`
 */
export function kernelSemver(version: string): string {
  const match = /^(\d{1,3}\.\d{1,4})(\.\d{1,5})?(-rc\d{1,2})?$/.exec(version);
  if (!match) throw new KlpError('kernel-version-invalid', `not a kernel version: ${version}`);
  return `${match[1]}${match[2] ?? '.0'}${match[3] ?? ''}`;
}

/**
 * The LLVM version for a kernel: the one asked for when it can build that kernel, else the catalogue's default.
 * @throws KlpError `llvm-does-not-fit`, `unknown-llvm`, `kernel-version-invalid`
 */
export function llvmFor(kernel: string, asked?: number): number {
  const version = kernelSemver(kernel);
  const fits = (row: { kernels: string }) =>
    semver.satisfies(version, row.kernels, { includePrerelease: true });
  const chosen = asked ?? kernels().default.find(fits)?.llvm;
  if (chosen === undefined) {
    throw new KlpError('kernel-too-old', `there is no LLVM for Linux ${kernel} in the catalogue`);
  }
  toolchainData(chosen);
  const least = Math.max(
    0,
    ...kernels()
      .minimumLlvm.filter(fits)
      .map((row) => row.llvm),
  );
  if (chosen < least) {
    throw new KlpError('llvm-does-not-fit', `Linux ${kernel} needs LLVM ${least} or newer, not ${chosen}`);
  }
  const bad = kernels().knownBad.find((row) => fits(row) && row.llvm === chosen);
  if (bad) throw new KlpError('llvm-does-not-fit', `Linux ${kernel} with LLVM ${chosen}: ${bad.why}`);
  return chosen;
}

/**
 * Refuses kernels that cannot be livepatched on an architecture.
 * @param series whether the project's own series may be applied to it
 * @throws KlpError `kernel-too-old`, `kernel-needs-series`, `kernel-version-invalid`
 */
export function checkKernelSupported(kernel: string, arch: ArchData, series = true): void {
  const { minimum, minimumWithoutSeries } = kernels();
  const least = minimum[arch.name];
  if (least !== undefined && semver.lt(kernelSemver(kernel), least.kernel)) {
    throw new KlpError(
      'kernel-too-old',
      `Linux ${kernel} on ${arch.name}: livepatches need ${least.kernel} or newer (${least.why})`,
    );
  }
  const alone = minimumWithoutSeries[arch.name];
  if (!series && alone !== undefined && semver.lt(kernelSemver(kernel), alone)) {
    throw new KlpError(
      'kernel-needs-series',
      `Linux ${kernel} on ${arch.name} has no livepatch support of its own; that begins with ${alone}`,
    );
  }
}

/** Debian's archive: mirrors, suites, base images. */
export function debianData(): DebianData {
  return once('debian.json', debianSchema);
}

/** kernel.org's layout: base URL and the name of the checksum files. */
export function kernelOrgData(): z.infer<typeof kernelOrgSchema> {
  return once('kernel-org.json', kernelOrgSchema);
}
