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
  /** How far in front of a function its entry may be (bytes): part of the patchable NOPs lies there. */
  ftraceEntryLead: z.number().int(),
  /** What its entry points of a system call `sys_x` have before the name (asm/syscall_wrapper.h). */
  syscallPrefixes: z.array(z.string()),
  /** Its C files that are compiled to assembly text only, for constants in generated headers; as targets of the build. */
  offsetFiles: z.array(z.string()),
  /** What the kernel cannot do when it relocates a complete module (arch/…/kernel/module.c); absent: nothing. */
  lateRelocations: z
    .strictObject({
      /** Places that are no multiple of this (bytes) are left out without an error. */
      alignment: z.number().int(),
      /** Relocation types of branches, which need a PLT entry when their target is far away. */
      branches: z.array(z.number().int()),
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
  /** What kernels ask for themselves (scripts/min-tool-version.sh); of all architectures unless one is named. */
  minimumLlvm: z.array(
    z.strictObject({ kernels: z.string(), llvm: z.number().int(), arch: z.string().optional() }),
  ),
  /** Pairs that do not work though the kernel takes the compiler, and who says so. */
  knownBad: z.array(
    z.strictObject({
      kernels: z.string(),
      llvm: z.array(z.number().int()),
      arch: z.string().optional(),
      why: z.string(),
    }),
  ),
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
 * The release (as semver) that a kernel counts as for all that the catalogue says of versions: a release candidate has what its
 * release will have, and by semver's order would be taken for the one before.
 * @throws KlpError `kernel-version-invalid`
 */
export function kernelRelease(version: string): string {
  return kernelSemver(version).replace(/-rc\d+$/, '');
}

/** The first kernel version that can be livepatched on an architecture, and the first that can without our series. */
export function kernelMinimum(arch: ArchData): { withSeries: string; alone: string } {
  const { minimum, minimumWithoutSeries } = kernels();
  const withSeries = minimum[arch.name]?.kernel ?? '0.0.0';
  return { withSeries, alone: minimumWithoutSeries[arch.name] ?? withSeries };
}

/**
 * Refuses kernels that cannot be livepatched on an architecture.
 * @param series whether the project's own series may be applied to it
 * @throws KlpError `kernel-too-old`, `kernel-needs-series`, `kernel-version-invalid`
 */
export function checkKernelSupported(kernel: string, arch: ArchData, series = true): void {
  const { minimum, minimumWithoutSeries } = kernels();
  const least = minimum[arch.name];
  if (least !== undefined && semver.lt(kernelRelease(kernel), least.kernel)) {
    throw new KlpError(
      'kernel-too-old',
      `Linux ${kernel} on ${arch.name}: livepatches need ${least.kernel} or newer (${least.why})`,
    );
  }
  const alone = minimumWithoutSeries[arch.name];
  if (!series && alone !== undefined && semver.lt(kernelRelease(kernel), alone)) {
    throw new KlpError(
      'kernel-needs-series',
      `Linux ${kernel} on ${arch.name} has no livepatch support of its own; that begins with ${alone}`,
    );
  }
}

/** Which LLVM versions there are, and which fits which kernel. */
export function llvmData(): {
  toolchains: z.infer<typeof toolchainsSchema>;
  rules: Pick<z.infer<typeof kernelsSchema>, 'default' | 'minimumLlvm' | 'knownBad'>;
} {
  return { toolchains: once('toolchains.json', toolchainsSchema), rules: kernels() };
}

/** Debian's archive: mirrors, suites, base images. */
export function debianData(): DebianData {
  return once('debian.json', debianSchema);
}

/** kernel.org's layout: base URL and the name of the checksum files. */
export function kernelOrgData(): z.infer<typeof kernelOrgSchema> {
  return once('kernel-org.json', kernelOrgSchema);
}
