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
  'not-a-patch': entry(
    'usage',
    'Not a usable patch',
    'The file holds no unified diff, or one that was cut or edited so that its hunks do not add up.',
    'Make it with `git diff`, `git format-patch` or `diff -up`, and do not edit the lines of a hunk by hand.',
  ),
  'patch-too-large': entry(
    'usage',
    'The patch is too large',
    'A patch, or the number of patches or files, is beyond what a livepatch can sensibly be made of.',
    'Keep only the change that must reach the running kernel.',
  ),
  'patch-binary': entry(
    'refused',
    'The patch changes a binary file',
    'A binary diff has no lines that could be compared or compiled.',
    'Leave the binary file out of the patch.',
  ),
  'patch-path-escapes': entry(
    'usage',
    'The patch names a file outside the kernel tree',
    'A path is absolute, contains `..`, or leads out of the tree through a symbolic link. Nothing was read.',
    'Use paths relative to the kernel tree, as `git diff` writes them.',
  ),
  'patch-file-missing': entry(
    'usage',
    'The patch names a file that this kernel does not have',
    'None of the names that the patch gives for a file, with or without the first folder, exists in the tree.',
    'Check that the patch was made for this kernel version, and with `a/` and `b/` in front of its paths.',
  ),
  'patch-does-not-apply': entry(
    'usage',
    'The patch does not apply exactly',
    'A hunk was not found as it stands. Hunks may have moved to another line when they fit in one place only; nothing is applied with fuzz.',
    'Refresh the patch against the source of this kernel.',
  ),
  'source-not-text': entry(
    'refused',
    'A source file is not UTF-8 text',
    'The file could not be patched and written back with every other byte unchanged.',
    'Leave the file out of the patch.',
  ),
  'file-added': entry(
    'refused',
    'The patch adds a source file',
    'A new file needs a new line in a Makefile, or may hide a header of the same name; neither is part of the running kernel.',
    'Put the new code into a file that the patch changes anyway.',
  ),
  'file-deleted': entry(
    'refused',
    'The patch deletes a source file',
    'Code cannot be taken out of a running kernel, and what else used the file cannot be known from the patch.',
    'Leave the file in place and change the functions that call into it.',
  ),
  'file-renamed': entry(
    'refused',
    'The patch renames a source file',
    'The running kernel was built from the old name.',
    'Make the change under the old name.',
  ),
  'build-file-changed': entry(
    'refused',
    'The patch changes how the kernel is built',
    'Makefiles, Kconfig files, linker scripts, device trees and build scripts take effect when a kernel is built, not while it runs.',
    'Leave the file out of the patch; if the change depends on it, a new kernel is needed.',
  ),
  'assembly-changed': entry(
    'refused',
    'The patch changes an assembly file',
    'Assembly has no functions that could be compared and replaced one by one.',
    'Leave the file out of the patch; if the change depends on it, a new kernel is needed.',
  ),
  'rust-changed': entry(
    'refused',
    'The patch changes a Rust file',
    'Only C is compiled and compared.',
    'Leave the file out of the patch; if the change depends on it, a new kernel is needed.',
  ),
  'not-built': entry(
    'refused',
    'The patch changes a file that this kernel does not contain',
    'No object of vmlinux or of a module was made from the file with this configuration.',
    'Leave the file out of the patch, or use the kernel and configuration that contain it.',
  ),
  'object-not-livepatchable': entry(
    'refused',
    'The file is compiled, but not into the running kernel',
    'Its objects belong to a boot loader stub, a vDSO, a host program or the like: neither to vmlinux nor to a module.',
    'Leave the file out of the patch; if the change depends on it, a new kernel is needed.',
  ),
  'nothing-to-patch': entry(
    'nothing',
    'Nothing to patch',
    'What the patch changes does not reach the running kernel: comments, white space, documentation, tests, tools.',
    'If a change was expected to matter, check that it is in the patch.',
  ),
  'kernel-not-built': entry(
    'usage',
    'Not a built kernel tree',
    'The folder lacks what a finished kernel build leaves behind (.config, vmlinux, Module.symvers, .cmd files).',
    'Give the folder in which `make LLVM=1 all` ran, with its objects still there.',
  ),
  'kernel-built-by-gcc': entry(
    'refused',
    'The kernel was built by GCC',
    "The changed functions are taken from LLVM IR; code from another compiler than the kernel's would not fit it.",
    'Use a kernel built with `make LLVM=1`.',
  ),
  'kernel-without-livepatch': entry(
    'refused',
    'The kernel cannot load livepatches',
    'CONFIG_LIVEPATCH is not set.',
    'Build the kernel with CONFIG_LIVEPATCH=y and what it needs (CONFIG_KALLSYMS_ALL, CONFIG_DYNAMIC_FTRACE, CONFIG_MODULES).',
  ),
  'kernel-lto': entry(
    'refused',
    'The kernel was built with link-time optimisation',
    'Functions are inlined across files when such a kernel is linked, so one file no longer tells what changes.',
    'Use a kernel with CONFIG_LTO_NONE=y.',
  ),
  'kernel-arch-mismatch': entry(
    'usage',
    'The kernel is for another architecture',
    'vmlinux is not for the machine that --arch names.',
    'Give the --arch of the kernel, or another kernel tree.',
  ),
  'kernel-config-changed': entry(
    'refused',
    'The configuration changed after the kernel was built',
    "The tree's .config no longer is what its objects were compiled with.",
    'Run `make` in the kernel tree again, or restore the .config of the running kernel.',
  ),
  'compiler-missing': entry(
    'environment',
    "The kernel's compiler is not installed",
    'The compiler that the kernel build recorded cannot be started.',
    'Install that version of clang, or use the image made for this kernel.',
  ),
  'compiler-mismatch': entry(
    'refused',
    "Another compiler than the kernel's",
    'The compiler of the recorded name is not the version that built the kernel; its code could differ in subtle ways.',
    'Install the version that the kernel was built with, or use the image made for this kernel.',
  ),
  'cmd-file-unusable': entry(
    'refused',
    'A recorded build command cannot be used',
    'A .cmd file of the kernel build is damaged, or its command uses shell constructs or steps that are not understood.',
    'Build the object again with plain `make` and report the command if it stays so.',
  ),
  'elf-malformed': entry(
    'environment',
    'An object file breaks the ELF format',
    'A file of the kernel build or of the generated livepatch cannot be read as a little-endian 64-bit ELF object.',
    'Build the kernel tree again; if the file was made by klp-docker, report it with --debug-dir.',
  ),
  'kernel-symbols-missing': entry(
    'environment',
    'The kernel build does not tell its symbols',
    'vmlinux or a module has no symbol table, vmlinux has no kallsyms tables, or Module.symvers is missing.',
    'Keep vmlinux, the .ko files and Module.symvers as the build made them (not stripped), with CONFIG_KALLSYMS_ALL=y.',
  ),
  'symbol-not-in-kernel': entry(
    'refused',
    'The livepatch needs a symbol that the running kernel does not have',
    'The symbol is not exported, not in kallsyms, and not in the patched module or in one that it depends on.',
    'Use a function or variable that this kernel has, or bring the definition in with the patch.',
  ),
  'symbol-position-unproved': entry(
    'refused',
    'It cannot be proved which of several equal symbols is meant',
    'The kernel has several symbols of this name, and the place of the patched object in the kernel could not be ' +
      'established from its neighbours and contents. A guess could patch or use another function.',
    'Check that vmlinux and the .ko files belong to the object files in this tree; build the tree again when in doubt.',
  ),
  'new-module-dependency': entry(
    'refused',
    'The patched code uses a module that the patched module does not depend on',
    'The symbol is exported by a module that need not be loaded when the patched module is.',
    'Use only modules that the patched module already depends on (modinfo -F depends).',
  ),
  'late-special-section': entry(
    'refused',
    'A module symbol is needed in a section that the kernel reads while the livepatch loads',
    'Jump labels, static calls, alternatives and the like are set up when the livepatch is loaded; a symbol of another ' +
      'module may be known only later, and the kernel would work with a wrong address.',
    'Write the new code without this construct, e.g. static_key_enabled() in place of static_branch_unlikely().',
  ),
  'module-name-invalid': entry(
    'usage',
    'The name of the livepatch cannot be a module name',
    'A module name has letters, digits, `_` and `-`, and with the prefix `livepatch_` at most 55 characters.',
    'Choose a shorter name or other characters with --name.',
  ),
  'build-record-missing': entry(
    'environment',
    'The kernel tree lacks a command that its build recorded',
    'The livepatch is made with the commands of the kernel build (.cmd files); one of them is not there or not readable.',
    'Build the kernel with modules in this tree, and keep the .cmd files (no `make clean`).',
  ),
  'symbol-name-conflict': entry(
    'refused',
    'Two patched objects define a symbol of the same name',
    'Both would be linked into one livepatch, and a reference could reach the wrong one.',
    'Put the two changes into two livepatches, or rename the new symbol in one of them.',
  ),
  'module-link-failed': entry(
    'defect',
    'The livepatch module could not be compiled or linked',
    'One of the recorded commands of the kernel build failed on the generated files.',
    'Please report it with --debug-dir.',
  ),
  'module-check-failed': entry(
    'defect',
    'The finished module does not hold what it must',
    'The last check of the module found something that the kernel would refuse or that could go wrong.',
    'Please report it with --debug-dir.',
  ),
} as const satisfies Record<string, CodeEntry>;

export type Code = keyof typeof codes;
