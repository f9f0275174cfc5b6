import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { z } from 'zod';
import { KlpError } from '../shared/errors.js';
import { stage } from '../shared/progress.js';
import type { BootAssets } from '../verify/types.js';
import type { ControllerContext } from './context.js';
import { needSpace } from './disk.js';
import { withImageFolder } from './docker/container.js';
import type { Image } from './images.js';
import { withLock } from './lock.js';
import { unpackUntrusted } from './unpack.js';

const folder = '/opt/klp-docker/boot';
/** The most that boot files may be. */
export const bootLimits = { bytes: 4 * 1024 * 1024 * 1024, files: 50_000, nested: true };
const aboutSchema = z.strictObject({
  release: z.string(),
  arch: z.string(),
  llvm: z.number().int(),
  selftests: z.boolean(),
});

/**
 * Copies the boot files out of an image into the cache, once per kernel build; later calls find them there.
 * @throws KlpError `boot-files-unusable`, `image-unusable`, `no-disk-space`, `docker-failed`
 */
export async function exportBootAssets(
  docker: Docker,
  image: Pick<Image, 'ref' | 'kernelDigest'>,
  context: ControllerContext,
): Promise<BootAssets> {
  const dir = join(context.cacheDir, 'boot', image.kernelDigest.replace(/^sha256:/, '').slice(0, 24));
  await withLock(dir, `the boot files of ${image.ref}`, context, async () => {
    if (existsSync(dir)) return;
    await needSpace(context.cacheDir, 1024 ** 3, 'the boot files');
    const part = `${dir}.${randomBytes(4).toString('hex')}.part`;
    try {
      await mkdir(part, { recursive: true });
      await stage('boot files', context, () =>
        withImageFolder(docker, image.kernelDigest, folder, context.signal, (archive) =>
          unpackUntrusted(archive, part, bootLimits),
        ),
      );
      await rename(part, dir);
    } finally {
      await rm(part, { recursive: true, force: true });
    }
  });
  return describeBootFiles(dir, image.ref);
}

/** @throws KlpError `boot-files-unusable` */
export async function describeBootFiles(dir: string, ref: string): Promise<BootAssets> {
  const about = aboutSchema.safeParse(
    JSON.parse(await readFile(join(dir, 'boot.json'), 'utf8').catch(() => 'null')) as unknown,
  );
  const missing = ['kernel', 'busybox', 'modules/lib/modules'].filter((name) => !existsSync(join(dir, name)));
  if (!about.success || missing.length > 0) {
    throw new KlpError(
      'boot-files-unusable',
      `${ref} lacks boot files: ${missing.join(', ') || 'boot.json'}`,
    );
  }
  const { release, arch, selftests } = about.data;
  const bash = join(dir, 'bash');
  return {
    dir,
    kernel: join(dir, 'kernel'),
    modulesDir: join(dir, 'modules'),
    busybox: join(dir, 'busybox'),
    ...(existsSync(bash) ? { bash } : {}),
    ...(selftests ? { selftests: join(dir, 'selftests') } : {}),
    release,
    arch,
  };
}
