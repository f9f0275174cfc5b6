import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { KlpError } from '../shared/errors.js';
import { withTempDir } from '../shared/files.js';
import { stage } from '../shared/progress.js';
import type { Reach } from '../shared/result.js';
import type { ControllerContext } from './context.js';
import { runConfined } from './docker/container.js';
import { parseResult } from './generate.js';
import type { Image } from './images.js';

/**
 * Asks the kernel of an image what its build made of source files: one container for all of them.
 * @param paths relative to the source tree
 * @throws KlpError `container-failed`, `interrupted`, and what the engine says of a tree that it cannot read
 */
export async function reachInImage(
  docker: Docker,
  image: Pick<Image, 'digest'>,
  paths: readonly string[],
  context: ControllerContext,
): Promise<Reach[]> {
  return await withTempDir('klp-docker-reach', async (dir) => {
    await chmod(dir, 0o777);
    await mkdir(join(dir, 'tmp'));
    await chmod(join(dir, 'tmp'), 0o777);
    // A name with a line break cannot be one of the kernel's.
    const plain = paths.filter((path) => !path.includes('\n'));
    await writeFile(join(dir, 'paths'), `${plain.join('\n')}\n`);
    let stdout = '';
    let stderr = '';
    const result = await stage('what the kernel contains', context, () =>
      runConfined(
        docker,
        {
          image: image.digest,
          argv: ['llpatch', '--json', '--reach', '-k', '/usr/src/linux', '/job/paths'],
          env: { TMPDIR: '/job/tmp', HOME: '/job/tmp' },
          input: dir,
          workDir: '/job',
          memory: 2048,
          onStdout: (text) => void (stdout += text),
          onStderr: (text) => void (stderr = (stderr + text).slice(-8192)),
        },
        context,
        async ({ exitCode }) => parseResult(stdout, exitCode, stderr),
      ),
    );
    if (result.reach === undefined) {
      const said = result.findings.at(-1)?.message ?? 'nothing';
      throw new KlpError('image-unusable', `the kernel's records cannot be read: ${said}`);
    }
    return result.reach;
  });
}
