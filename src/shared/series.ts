import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import semver from 'semver';
import { z } from 'zod';
import { kernelRelease, projectRoot, type ArchData } from './catalog.js';
import { KlpError } from './errors.js';

/** images/series: the project's own patches to kernels, which the image build applies before it configures them. */

const setSchema = z.strictObject({
  name: z.string(),
  /** Range of kernel versions that the set is for. */
  kernels: z.string(),
  /** Files beside series.json, applied in this order. */
  patches: z.array(z.string().regex(/^[\w.-]+\.patch$/)),
  purpose: z.string(),
  origin: z.string(),
  limits: z.string(),
  /** Versions on which the set was applied, built and booted, or what of it was tried. */
  tried: z.array(z.string()),
  /** A kernel with the set applies late relocations at places of any alignment. */
  anyAlignment: z.literal(true).optional(),
  /** What happens in a kernel without the set when a livepatch branches to a module. */
  lateBranches: z.string().optional(),
});
export type SeriesSet = z.infer<typeof setSchema>;

/** What is applied to one kernel. */
export interface Series {
  /** Names of the sets. */
  names: string[];
  /** The newest version that a set of them was tried on; absent when there is none. */
  tried?: string;
  /** Patches as `arm64/x.patch` to their path on this machine, in the order of application. */
  files: Record<string, string>;
  /** Of all patches, their order included; empty when there are none. */
  sha256: string;
}

export const noSeries: Series = { names: [], files: {}, sha256: '' };

/** The file that lists an architecture's sets; undefined where it needs none. */
export function seriesList(arch: ArchData): string | undefined {
  const file = join(projectRoot(), 'images', 'series', arch.name, 'series.json');
  return existsSync(file) ? file : undefined;
}

/** All sets for an architecture; none where it needs none. */
export function seriesSets(arch: ArchData): SeriesSet[] {
  const file = seriesList(arch);
  if (file === undefined) return [];
  const parsed = z.array(setSchema).safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new KlpError('internal', `${file} is not valid: ${z.prettifyError(parsed.error)}`);
}

/**
 * The sets for a kernel: those whose range holds its version, in the order of series.json.
 * @param kernel full kernel version
 */
export function setsFor(kernel: string, arch: ArchData): SeriesSet[] {
  const release = kernelRelease(kernel);
  return seriesSets(arch).filter((set) => semver.satisfies(release, set.kernels));
}

/**
 * What is applied to a kernel: its sets, one after the other.
 * @param kernel full kernel version
 */
export function seriesFor(kernel: string, arch: ArchData): Series {
  const sets = setsFor(kernel, arch);
  if (sets.length === 0) return noSeries;
  const files: Record<string, string> = {};
  const hash = createHash('sha256');
  for (const patch of sets.flatMap((set) => set.patches)) {
    const name = `${arch.name}/${patch}`;
    files[name] = join(projectRoot(), 'images', 'series', name);
    const content = readFileSync(files[name]);
    hash.update(`${name}:${content.length}:`).update(content);
  }
  const tried = semver.rsort(sets.flatMap((set) => set.tried))[0];
  return {
    names: sets.map((set) => set.name),
    files,
    sha256: hash.digest('hex'),
    ...(tried === undefined ? {} : { tried }),
  };
}
