import { entry } from './entry.js';

/** Codes of the command line and of files named on it. */
export const commandCodes = {
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
    'A patch may have 4 MiB, a callbacks file or a test script 1 MiB. A livepatch changes a few functions; a file ' +
      'beyond these limits is a mistake or another kind of file.',
    'Check that the right file was named; split a series into the patches that belong to one livepatch.',
  ),
  'output-not-writable': entry(
    'environment',
    'The results cannot be written',
    'A folder or file for results, or the file named with --log, cannot be made or written to.',
    'Name another folder with -o or --debug-dir, or make room and check the permissions.',
  ),
  'machine-not-ready': entry(
    'environment',
    'This machine lacks something that klp-docker needs',
    '`klp-docker doctor` looked for Docker, QEMU, disk space and the archives that images are made from.',
    'Do what doctor says below each line marked FAIL, then run it again.',
  ),
  'shell-command-failed': entry(
    'environment',
    'The command that `klp-docker shell` ran failed',
    'It ended with another exit code than 0; what it printed says why.',
    'Open a shell without a command, and try step by step.',
  ),
} as const;
