import { entry } from './entry.js';

/** Codes of the kernel build that a livepatch is made for. */
export const kernelCodes = {
  'kernel-has-series': entry(
    'usage',
    "The kernel in the image carries patches of the project's own",
    'The livepatch was made and tried on a kernel with these patches applied (images/series tells what they do, and their limits). It fits a running kernel that carries the same ones.',
    'Boot the kernel of the image on the machines to be patched, or build theirs with the same series.',
    'note',
  ),
  'kernel-lacks-series': entry(
    'usage',
    "The kernel does not carry the project's own patches for its release",
    "For this release there are patches of the project's own (images/series), and an image has them unless --no-arm64-series left them out; this kernel, or the user's own that --kernel-tree names, has not. The livepatch is made all the same; the message says what such a kernel gets wrong when livepatches are applied.",
    'Build the kernel without --no-arm64-series; into a kernel of your own, apply the patches that images/series/ARCH/series.json names for its release. Where neither is possible, read the message before the livepatch is loaded.',
    'warning',
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
  'kernel-tree-moved': entry(
    'refused',
    'The source that the kernel was built from is not where it was',
    'A kernel built with O= names its source by path in every record of its build. Nothing was found at that path, so the files that the compiler was given cannot be given to it again.',
    'Move the source back, bind-mount it there (mount --bind NEW OLD), or build the kernel again where the source is now.',
  ),
  'kernel-build-stale': entry(
    'refused',
    'An object is newer than the kernel',
    'The object was compiled again after the kernel, or the module, was linked; what it holds is not what runs.',
    'Run `make` in the kernel tree to its end, and boot what it builds. If the tree is a copy, copy it again with the times of its files (cp -a).',
  ),
  'compiler-missing': entry(
    'environment',
    "The kernel's compiler is not installed",
    'The compiler that the kernel build recorded cannot be started.',
    'Install that version of clang. For a clang of Debian, --kernel-tree takes it from an image by itself.',
  ),
  'compiler-mismatch': entry(
    'refused',
    "Another compiler than the kernel's",
    'The compiler of the recorded name is not the version that built the kernel; its code could differ in subtle ways.',
    'Install the very version that the kernel was built with, or build the kernel again with the one that is here.',
  ),
  'build-tool-unusable': entry(
    'environment',
    'A program of the kernel build does not run here',
    'objtool and modpost are made by the kernel build, for the system that it ran on. This system lacks libraries of that one.',
    'Make the livepatch where the kernel was built (llpatch -k DIR PATCH), or build the kernel on the Debian release that its compiler comes from.',
  ),
  'kernel-tree-not-mountable': entry(
    'environment',
    'The kernel tree cannot be shown to the Docker engine',
    'The tree is mounted into a container, read-only; that takes an engine on this machine, and a folder that it can see.',
    'Unset DOCKER_HOST or run the command where the engine is; or use the compiler of this machine: llpatch -k DIR PATCH.',
  ),
  'kernel-not-bootable': entry(
    'usage',
    'The kernel lacks what the test machine needs',
    'A livepatch is proved by booting its kernel in QEMU with an initramfs and a serial console. This kernel cannot do that as it is configured, or its boot image is not there.',
    'Build the kernel with the options that the message names, or test on the real machine: the package has a script for that.',
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
  'build-record-missing': entry(
    'environment',
    'The kernel tree lacks a command that its build recorded',
    'The livepatch is made with the commands of the kernel build (.cmd files); one of them is not there or not readable.',
    'Build the kernel with modules in this tree, and keep the .cmd files (no `make clean`).',
  ),
  'compile-mismatch': entry(
    'refused',
    'The kernel object could not be reproduced',
    'Compiling the unpatched file with the recorded compiler and options did not give the code that is in the kernel build, so the compiler, its options or the sources are not those of the running kernel. A livepatch built this way could rely on things that are not so.',
    'Use the clang that built the kernel and the sources it was built from; if files were edited after the build, restore them or rebuild.',
  ),
} as const;
