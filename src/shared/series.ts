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
});
export type SeriesSet = z.infer<typeof setSchema>;

/** What is applied to one kernel. */
export interface Series {
  /** Names of the sets. */
  names: string[];
  /** Patches as `arm64/x.patch` to their path on this machine, in the order of application. */
  files: Record<string, string>;
  /** Of all patches, their order included; empty when there are none. */
  sha256: string;
}

export const noSeries: Series = { names: [], files: {}, sha256: '' };

/** All sets for an architecture; none where it needs none. */
export function seriesSets(arch: ArchData): SeriesSet[] {
  const file = join(projectRoot(), 'images', 'series', arch.name, 'series.json');
  if (!existsSync(file)) return [];
  const parsed = z.array(setSchema).safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (parsed.success) return parsed.data;
  throw new KlpError('internal', `${file} is not valid: ${z.prettifyError(parsed.error)}`);
}

/**
 * The series for a kernel: every set whose range holds its version, in the order of series.json.
 * @param kernel full kernel version
 */
export function seriesFor(kernel: string, arch: ArchData): Series {
  const release = kernelRelease(kernel);
  const sets = seriesSets(arch).filter((set) => semver.satisfies(release, set.kernels));
  if (sets.length === 0) return noSeries;
  const files: Record<string, string> = {};
  const hash = createHash('sha256');
  for (const patch of sets.flatMap((set) => set.patches)) {
    const name = `${arch.name}/${patch}`;
    files[name] = join(projectRoot(), 'images', 'series', name);
    const content = readFileSync(files[name]);
    hash.update(`${name}:${content.length}:`).update(content);
  }
  return { names: sets.map((set) => set.name), files, sha256: hash.digest('hex') };
}
