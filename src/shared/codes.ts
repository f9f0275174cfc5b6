import type { Kind } from './errors.js';

/** What `explain CODE` prints; `advice` also ends every message that has none of its own. */
export interface CodeEntry {
  kind: Kind;
  title: string;
  meaning: string;
  advice: string;
}

function entry(kind: Kind, title: string, meaning: string, advice: string): CodeEntry {
  return { kind, title, meaning, advice };
}

/**
 * Every reason code there is. Codes are stable: scripts depend on them. A code is never renamed; one that
 * is no longer produced is removed with a note in the changelog.
 */
export const codes = {
  internal: entry(
    'defect',
    'A defect in klp-docker',
    'Something happened that the program did not foresee. Nothing was produced.',
    'Please report it with the output of the same command and --verbose.',
  ),
  interrupted: entry(
    'interrupted',
    'Interrupted',
    'The command was stopped by a signal; containers, virtual machines and temporary files were removed.',
    'Run the command again.',
  ),
  usage: entry(
    'usage',
    'The command line does not fit',
    'An option or argument is missing, unknown, or has a value that cannot be used.',
    'See --help of the command.',
  ),
  'input-not-found': entry(
    'usage',
    'A file named on the command line does not exist',
    'The path, taken from the folder the command was started in, leads nowhere.',
    'Check the path; a relative path counts from the current folder.',
  ),
  'input-not-a-file': entry(
    'usage',
    'A path named on the command line is not a regular file',
    'It is a folder, a device, a pipe or a socket. Files are read more than once, so only regular files will do.',
    'Name the file itself; save what comes from a pipe to a file first.',
  ),
  'input-unreadable': entry(
    'usage',
    'A file named on the command line cannot be read',
    'The operating system refused to open it.',
    'Check its permissions (ls -l) and those of the folders above it.',
  ),
  'input-empty': entry(
    'usage',
    'A file named on the command line is empty',
    'There is nothing in it to work with.',
    'Make the file again, e.g. with git diff or git format-patch; a redirected command may have failed.',
  ),
  'input-too-large': entry(
    'usage',
    'A file named on the command line is larger than the limit',
    'A patch may have 8 MiB, a callbacks file or a test script 1 MiB. A livepatch changes a few functions; a file ' +
      'beyond these limits is a mistake or another kind of file.',
    'Check that the right file was named; split a series into the patches that belong to one livepatch.',
  ),
  'output-not-writable': entry(
    'environment',
    'The results cannot be written',
    'A folder or file for results, or the file named with --log, cannot be made or written to.',
    'Name another folder with -o, or make room and check the permissions.',
  ),
  'unknown-arch': entry(
    'usage',
    'Unknown architecture',
    'The name given with --arch is not one that klp-docker has data for (images/catalog/arch).',
    'Use one of the names in the message.',
  ),
  'unknown-llvm': entry(
    'usage',
    'Unknown LLVM version',
    'The LLVM version asked for is not in images/catalog/toolchains.json, so it is not known where to get it.',
    'Use one of the versions in the message, or leave --llvm out: the version that fits the kernel is chosen.',
  ),
  'llvm-does-not-fit': entry(
    'refused',
    'This LLVM cannot build this kernel',
    'The LLVM version is below the minimum that the kernel asks for, or the pair is known to give a broken kernel.',
    'Leave --llvm out, or choose a version the message allows.',
  ),
  'kernel-too-old': entry(
    'refused',
    'This kernel has no livepatch support on this architecture',
    'Below the version in the message the kernel cannot be livepatched on this architecture.',
    'Use a newer kernel.',
  ),
  'kernel-version-invalid': entry(
    'usage',
    'Not a kernel version',
    'A kernel is named by its version: X.Y for the newest point release of a line, or X.Y.Z.',
    'Give for example --kernel 6.12 or --kernel 6.12.107.',
  ),
} as const satisfies Record<string, CodeEntry>;

export type Code = keyof typeof codes;
