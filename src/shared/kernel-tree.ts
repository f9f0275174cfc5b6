import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { KlpError } from './errors.js';

/** A source that every kernel has, and what its build recorded of it. */
const sample = 'init/main.c';
export const sampleRecord = 'init/.main.o.cmd';

/**
 * The source tree of a kernel build: the build tree itself, or another folder when it was built with `O=`. The
 * build's own records name it; its path is spelled as they spell it, for that is how the compiler is told of it again.
 * @param build the folder with .config and objects (absolute)
 * @throws KlpError `kernel-not-built`, `kernel-tree-moved`
 */
export async function sourceTree(build: string): Promise<string> {
  const record = await readFile(join(build, sampleRecord), 'utf8').catch((cause: unknown) => {
    throw new KlpError(
      'kernel-not-built',
      `${build} is not a built kernel tree: there is no ${sampleRecord}`,
      {
        cause,
      },
    );
  });
  const recorded = /^source_init\/main\.o := (\S+)$/m.exec(record)?.[1] ?? '';
  if (!recorded.endsWith(sample)) {
    throw new KlpError(
      'kernel-not-built',
      `${join(build, sampleRecord)} does not name the source it was made from`,
    );
  }
  const file = resolve(build, recorded);
  if (await isFile(file)) return file.slice(0, -sample.length - 1);
  if (recorded === sample) {
    throw new KlpError('kernel-not-built', `${build} has objects but no sources: there is no ${sample}`);
  }
  throw new KlpError(
    'kernel-tree-moved',
    `the kernel in ${build} was built from ${file.slice(0, -sample.length - 1)}, and there is no kernel source there`,
    { file: build },
  );
}

/** True for a regular file, links followed. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}
