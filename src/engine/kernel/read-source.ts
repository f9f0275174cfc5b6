import { readFile, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import type { KernelTree } from '../types.js';

/** Larger than any source file of the kernel. */
const maxSourceBytes = 16 * 1024 * 1024;

/**
 * A reader of the kernel's own sources, for `applyPatches`: a path relative to the source tree to its text,
 * undefined when there is no such file.
 * @throws KlpError `patch-path-escapes` when a symbolic link leads out of the tree; `source-not-text`
 */
export function sourceReader(tree: KernelTree): (path: string) => Promise<string | undefined> {
  let known: Promise<string> | undefined;
  return async (path) => {
    const root = await (known ??= realpath(tree.source));
    const full = join(root, path);
    const real = await realpath(full).catch(() => undefined);
    if (real === undefined) return undefined;
    if (!full.startsWith(root + sep) || !real.startsWith(root + sep)) {
      throw new KlpError('patch-path-escapes', `${path} leads out of the kernel tree, to ${real}`, {
        file: path,
      });
    }
    if (real !== full) {
      throw new KlpError(
        'patch-path-escapes',
        `${path} is reached through a symbolic link; the file is ${real}`,
        {
          file: path,
          advice: 'Name the file by its own path in the patch.',
        },
      );
    }
    const bytes = await readFile(full).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EISDIR') return undefined;
      throw error;
    });
    if (bytes === undefined) return undefined;
    if (bytes.length > maxSourceBytes) {
      throw new KlpError(
        'patch-too-large',
        `${path} has ${bytes.length} bytes; the limit is ${maxSourceBytes}`,
        { file: path },
      );
    }
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (error) {
      throw new KlpError('source-not-text', `${path} is not UTF-8 text`, { file: path, cause: error });
    }
  };
}
