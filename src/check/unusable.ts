import { KlpError } from '../shared/errors.js';

/** The error for a file of the kernel that cannot be used. @param label as the user named it */
export function unusable(label: string, why: string, cause?: unknown): KlpError {
  return new KlpError('kernel-file-unusable', `${label} ${why}`, { file: label, cause });
}

/**
 * What the readers of kernel builds say of a damaged file (`elf-malformed`, `kernel-symbols-missing`, also while they are
 * asked), as what is wrong with a file that the user named; every other error as it is.
 */
export function asUnusable(error: unknown): unknown {
  if (!(error instanceof KlpError)) return error;
  if (error.code !== 'elf-malformed' && error.code !== 'kernel-symbols-missing') return error;
  const file = error.detail.object ?? error.detail.file;
  return new KlpError('kernel-file-unusable', error.message, {
    ...(file === undefined ? {} : { file }),
    cause: error,
  });
}
