import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import type Docker from 'dockerode';
import { debianData } from '../shared/catalog.js';
import { KlpError } from '../shared/errors.js';
import { run } from '../shared/run.js';
import type { ControllerContext } from './context.js';
import { imageId, importImage, pullImage } from './docker/images.js';
import { engineCall } from './docker/stream.js';
import { onPath } from './path.js';
import { mirrorOf } from './sources/debian.js';
import { probeRegistry } from './sources/http.js';

/**
 * A Debian base image of a suite, by name: one that is here, else pulled where the registry answers in short
 * time, else made from the Debian mirror with mmdebstrap.
 * @param base `bookworm`, `trixie`, `sid`
 * @throws KlpError `base-image-failed`
 */
export async function ensureBase(docker: Docker, base: string, context: ControllerContext): Promise<string> {
  const { bases, registryProbe } = debianData();
  const published = bases[base];
  if (published === undefined) throw new KlpError('internal', `no base image is known for Debian ${base}`);
  const arch = (await engineCall('tell its version', context.signal, () => docker.version())).Arch;
  const own = `klp-docker-base:${base}-${arch}`;
  for (const ref of [published, own]) {
    if ((await imageId(docker, ref, context.signal)) !== undefined) return ref;
  }
  const probed = context.env.KLP_DOCKER_REGISTRY_PROBE ?? registryProbe;
  if ((await probeRegistry(probed, context)) === undefined) {
    try {
      if (await pullImage(docker, published, context)) return published;
    } catch (error) {
      if (!(error instanceof KlpError) || error.code !== 'registry-failed') throw error;
      context.progress({ type: 'note', text: `${error.message}; making the base from the Debian mirror` });
    }
  }
  await bootstrap(docker, base, arch, own, context);
  return own;
}

async function bootstrap(
  docker: Docker,
  base: string,
  arch: string,
  ref: string,
  context: ControllerContext,
): Promise<void> {
  if (onPath('mmdebstrap') === undefined) {
    throw new KlpError(
      'base-image-failed',
      'no registry answers, and mmdebstrap is not installed to make a base image',
    );
  }
  await mkdir(context.cacheDir, { recursive: true });
  const archive = join(context.cacheDir, `base-${base}-${process.pid}.tar`);
  try {
    await run(
      [
        'mmdebstrap',
        '--variant=minbase',
        `--architectures=${arch}`,
        base,
        archive,
        mirrorOf(base, context.env),
      ],
      {
        signal: context.signal,
        onLine: (text) => context.progress({ type: 'line', text }),
        failure: 'base-image-failed',
        message: `mmdebstrap could not make a base image of Debian ${base}`,
      },
    );
    await importImage(docker, archive, ref, ['LABEL io.klp-docker.stage=base'], context.signal);
  } finally {
    await rm(archive, { force: true });
  }
}
