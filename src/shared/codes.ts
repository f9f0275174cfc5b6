import type { Kind } from './errors.js';

/** What `explain CODE` prints; `advice` also ends every message that has none of its own. */
export interface CodeEntry {
  kind: Kind;
  title: string;
  meaning: string;
  advice: string;
  /** What a code says that never ends a command; left out for errors. */
  finding?: 'note' | 'warning';
}

function entry(
  kind: Kind,
  title: string,
  meaning: string,
  advice: string,
  finding?: CodeEntry['finding'],
): CodeEntry {
  return { kind, title, meaning, advice, ...(finding === undefined ? {} : { finding }) };
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
  'kernel-needs-series': entry(
    'refused',
    'This kernel cannot be livepatched without the series that was switched off',
    'Upstream arm64 kernels have livepatch support since 6.17. For older ones the image build adds it by a series of patches of its own (images/series), and --no-arm64-series forbids that.',
    'Leave --no-arm64-series away, and run the kernel of the image, or one with the same series, on the machines to be patched; or use Linux 6.17 or newer.',
  ),
  'series-does-not-apply': entry(
    'refused',
    "The project's own patches do not apply to this kernel's source",
    'The image build adds livepatch support to kernels that lack it by patches made for certain releases. They are applied exactly or not at all, and this source differs where they change it.',
    'Use a plain release from kernel.org or Debian, or a source without changes in the files that the message names.',
  ),
  'kernel-has-series': entry(
    'usage',
    "The kernel in the image carries patches of the project's own",
    'The livepatch was made and tried on a kernel with these patches applied (images/series tells what they do, and their limits). It fits a running kernel that carries the same ones.',
    'Boot the kernel of the image on the machines to be patched, or build theirs with the same series.',
    'note',
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
  'hunk-moved': entry(
    'usage',
    'A hunk was found at another line than the patch says',
    'A note: all lines of the hunk stand in the file exactly once, only further up or down.',
    'Nothing needs to be done; look at the place if in doubt.',
    'note',
  ),
  'file-not-in-kernel': entry(
    'nothing',
    'A file of the patch never reaches the kernel',
    'A note: documentation, tools, tests, or a header that no object of this kernel reads. The change was left out.',
    'Nothing needs to be done.',
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
  'late-relocation-impossible': entry(
    'refused',
    'The kernel cannot write a module symbol into the livepatch when that module is loaded',
    'Symbols of a module are written into the livepatch each time the module is loaded, while the livepatch is in use. ' +
      'On some architectures not every instruction or place can be written then: the kernel would leave it out, or ' +
      'refuse to load the module.',
    'Change the new code so that the place moves or the symbol is not needed there: data of the patch that points into ' +
      'a module must be aligned.',
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
  'defined-elsewhere': entry(
    'refused',
    'The patch defines what the running kernel has elsewhere',
    'The function or variable was moved from another file, or is to override a weak one. The kernel is linked already: all code that is not in the livepatch would go on using the one that it was linked with.',
    'Make the change where the running kernel has its definition, or give the new one a name of its own and let its users use that.',
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
  'docker-not-reachable': entry(
    'environment',
    'No Docker engine answers',
    'Images are built and patches are compiled in containers; that needs a Docker engine (20.10 or newer) that this user may talk to.',
    'Start it (`systemctl start docker`, or `dockerd` as root), join the group `docker`, or set DOCKER_HOST. On Debian: apt-get install docker.io',
  ),
  'docker-failed': entry(
    'environment',
    'The Docker engine reported a failure',
    'The engine answers but could not do what it was asked to; its words are in the message.',
    'See the message; `klp-docker doctor` checks the engine, its disk and the network.',
  ),
  'image-build-failed': entry(
    'environment',
    'An image could not be built',
    'A step of the image build failed. The command and its last lines are shown. No image was left under a final name.',
    'Read the last lines: a mirror that does not answer and a kernel that does not compile with this configuration are the usual causes.',
  ),
  'image-not-found': entry(
    'environment',
    'There is no such image, and it may not be made',
    'The command was told to neither build nor pull, and no local image fits.',
    'Run klp-docker build with the same --kernel and --arch first.',
  ),
  'image-unusable': entry(
    'environment',
    'The image is not one of ours',
    'The image lacks the engine, the kernel or the boot files that klp-docker puts into its images.',
    'Build it again with klp-docker build.',
  ),
  'registry-failed': entry(
    'environment',
    'The registry refused or does not answer',
    'Pulling or pushing an image failed; the reason of the registry is in the message.',
    "Check the registry's name, `docker login`, and that it is reachable. Without --pull the image is built here.",
  ),
  'registry-not-set': entry(
    'usage',
    'No registry is configured',
    '--push and --pull need to know which registry to use.',
    'Set KLP_DOCKER_REGISTRY, for example to registry.example.org/team.',
  ),
  'no-disk-space': entry(
    'environment',
    'Not enough disk space',
    'An image with a kernel built in it needs more space than is free, and nothing was started; or the disk ' +
      'for the results or for temporary files is full, and nothing incomplete was left there.',
    'Free the space in the message, for example with docker system prune; move the cache with KLP_DOCKER_CACHE, ' +
      'temporary files with TMPDIR, or results with -o.',
  ),
  'base-image-failed': entry(
    'environment',
    'No base image',
    'No registry answers and a base could not be made from the Debian mirror either.',
    'Install mmdebstrap (apt-get install mmdebstrap) and run as root, or make a registry reachable.',
  ),
  'config-lost-option': entry(
    'refused',
    'The kernel configuration cannot have what a livepatch needs',
    'After `make olddefconfig` an option that livepatching needs is off: something it depends on is off.',
    'Enable what the message says the option depends on, or use --config tiny.',
  ),
  'config-not-found': entry(
    'usage',
    'The configuration file cannot be read',
    '--config takes tiny, defconfig, or the path of a kernel .config file.',
    'Check the path.',
  ),
  'source-invalid': entry(
    'usage',
    'Not a kernel source',
    '--source takes kernel.org, debian, debian:SUITE, git+URL#TAG, a tarball, or a folder.',
    'See klp-docker build --help.',
  ),
  'source-not-found': entry(
    'environment',
    'No source for this kernel',
    'None of the places that were asked has the source of this kernel version.',
    'See the message for what each place has; --kernel X.Y takes the newest point release that there is, and --source names another place.',
  ),
  'source-unusable': entry(
    'usage',
    'The source is not a kernel tree',
    'The archive or folder does not hold the sources of a Linux kernel.',
    'Give a folder or tarball with the kernel Makefile at its top.',
  ),
  'source-version-differs': entry(
    'usage',
    'The source is another kernel version',
    "The version in the source's Makefile is not the one given with --kernel.",
    'Give the version in the message with --kernel.',
  ),
  'mirror-not-reachable': entry(
    'environment',
    'A mirror does not answer',
    'Neither of the places kernel sources come from could be reached.',
    'Check the network and proxy settings; KLP_DOCKER_DEBIAN_MIRROR and KLP_DOCKER_KERNEL_ORG name other mirrors; --source takes a tarball.',
  ),
  'download-failed': entry(
    'environment',
    'A download broke off',
    'The server stopped answering or sent less than it announced, several times. What arrived is kept and continued next time.',
    'Run the command again; if it happens again use another mirror.',
  ),
  'checksum-mismatch': entry(
    'environment',
    'A file is not what it should be',
    'The checksum of a downloaded file differs from the one that was published for it. The file was removed and nothing was built.',
    'Run the command again; if it happens again the mirror is broken or tampered with: use another one.',
  ),
  'signature-invalid': entry(
    'environment',
    'A signature does not match',
    "The mirror's index is not signed by a key of the archive it claims to be. Nothing from it was used.",
    "Use another mirror, or a keyring with the archive's present keys; Debian's come with the package debian-archive-keyring.",
  ),
  'signature-not-checked': entry(
    'environment',
    'A signature was not checked',
    'Checksums were compared, but the signature of the list they come from could not be checked here.',
    'Install gpgv and debian-archive-keyring.',
    'warning',
  ),
  'container-failed': entry(
    'environment',
    'The container ended without a result',
    'The engine of klp-docker in the container was stopped or could not start; its last lines are shown.',
    'If the message says out of memory, raise KLP_DOCKER_MEMORY (in MiB).',
  ),
  'output-unsafe': entry(
    'defect',
    'The container sent an unexpected file',
    'Only plain files with plain names are accepted from a container.',
    'Please report it.',
  ),
  'boot-files-unusable': entry(
    'environment',
    'The image lacks the files for a test boot',
    'The kernel, its modules or the test tools are missing in the image.',
    'Build the image again with klp-docker build.',
  ),
  'qemu-missing': entry(
    'environment',
    'QEMU for this architecture is not installed',
    'Livepatches are proved by booting the kernel in QEMU, which is a program of this machine, not of ' +
      'the image.',
    'Install it (on Debian or Ubuntu: apt-get install qemu-system-x86 or qemu-system-arm), or leave out ' +
      '--verify.',
  ),
  'qemu-failed': entry(
    'environment',
    'QEMU could not start the machine',
    'QEMU ended with an error of its own before the kernel ran, e.g. for want of memory.',
    'Read its message; free some memory, or update QEMU.',
  ),
  'boot-assets-incomplete': entry(
    'environment',
    'A file that the test boot needs is missing',
    'The boot folder of an image holds the kernel, its modules, busybox, and what the selftests need.',
    'Build the image again with klp-docker build.',
  ),
  'not-a-livepatch': entry(
    'usage',
    'The module is not a livepatch',
    'A livepatch says livepatch=Y in its .modinfo section; the kernel treats any other module as an ' +
      'ordinary one.',
    'Name the livepatch-*.ko or the package that klp-docker generate made.',
  ),
  'module-of-another-kernel': entry(
    'usage',
    'The module was built for another kernel',
    "The release in the module's version magic is not the release of the kernel it is to be verified on.",
    'Name the kernel it was made for with --kernel, or generate it again.',
  ),
  'package-unusable': entry(
    'usage',
    'The package or module cannot be used',
    'It is damaged, is neither a kernel module nor a gzipped tar archive, is larger than the limit, or has ' +
      'no livepatch.',
    'Name the livepatch-*.tgz or livepatch-*.ko that klp-docker generate made.',
  ),
  'kernel-file-unusable': entry(
    'usage',
    'A file of the kernel cannot be used',
    'It is damaged, of another kind than its option asks for, cut off, or in an order that the kernel did not give it. ' +
      'A compressed boot image (vmlinuz, bzImage) has no symbols, and compressed modules are not unpacked.',
    'Name the vmlinux of the kernel build or of its debug package, an unpacked .ko, or a fresh copy of the file in /proc ' +
      'or /sys, made with cat.',
  ),
  'kernel-arch-differs': entry(
    'refused',
    'The livepatch is for another architecture than the kernel',
    "The ELF machine of the module is not that of the kernel's file.",
    'Generate the livepatch for this kernel, with its --arch.',
  ),
  'kernel-build-differs': entry(
    'refused',
    'The livepatch was made for another build of the kernel',
    'The build id is a hash over all code and data of a kernel. Another one means that a function may be compiled or ' +
      'inlined otherwise, or a structure laid out otherwise, than where the livepatch was proved right.',
    'Generate the livepatch for this build: --kernel-tree DIR with the tree that the kernel was built in.',
  ),
  'vermagic-differs': entry(
    'refused',
    'The version magic of the module is not that of the kernel',
    'It names the release and the options on which the layout of modules depends. The loader refuses a module with another one; with CONFIG_MODVERSIONS it overlooks the release, but a livepatch is right for the release alone that it was made for.',
    'Generate the livepatch for this kernel.',
  ),
  'kernel-config-differs': entry(
    'refused',
    'The kernel has another configuration than the one that the livepatch was made for',
    'The configuration decides which code a function has and how structures are laid out. Files are compared by their SHA-256.',
    'Name the .config of the kernel that will run the livepatch, as it was built; if it is that, generate the livepatch for that build.',
  ),
  'module-unsigned': entry(
    'refused',
    'The kernel loads signed modules only',
    'CONFIG_MODULE_SIG_FORCE is set, and the module has no signature.',
    "Sign it with a key that the kernel trusts: scripts/sign-file of the kernel's build.",
  ),
  'symbol-position-differs': entry(
    'refused',
    'The kernel has another number of symbols of a name than the livepatch counts on',
    'Livepatches name a symbol by its name and its place among equal ones, and the kernel refuses one that is not there or that is not told apart.',
    'Generate the livepatch for this kernel.',
  ),
  'export-missing': entry(
    'refused',
    'The kernel does not export a symbol that the module needs',
    'The loader refuses a module with an undefined symbol that nothing exports.',
    'Generate the livepatch for this kernel.',
  ),
  'export-version-differs': entry(
    'refused',
    'An exported symbol has another checksum than the module was built with',
    'With CONFIG_MODVERSIONS each export has a checksum over its type and all types in it. Another one means that a structure or a signature differs; the loader refuses the module.',
    'Generate the livepatch for this kernel.',
  ),
  'export-namespace-missing': entry(
    'refused',
    'The module does not import the namespace of an exported symbol',
    'The loader refuses it, unless CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS is set.',
    'Generate the livepatch for this kernel.',
  ),
  'fit-not-checked': entry(
    'usage',
    'A part of the check was not made',
    'None of the files that were named tells it. What was not looked at is neither right nor wrong.',
    'Name the file that the finding asks for.',
    'warning',
  ),
  'kernel-does-not-boot': entry(
    'verification',
    'The kernel did not reach its first process in time',
    'It printed nothing more, or never started init, before the deadline.',
    "Read the log; a kernel of one's own needs a serial console, an initramfs and devtmpfs built in. " +
      '--timeout gives it longer.',
  ),
  'guest-hang': entry(
    'verification',
    'The guest stopped answering',
    'The deadline passed without an end of the step that was running, and no panic was printed.',
    'Read the log and the step that was running; --timeout gives a slow machine longer.',
  ),
  'machine-ended': entry(
    'verification',
    'The virtual machine ended too early',
    'It rebooted or switched itself off while a step was running, and printed no panic.',
    'Read the log; a triple fault or a test script that reboots does this.',
  ),
  'kernel-panic': entry(
    'verification',
    'The kernel panicked',
    'The boot ended in a panic; the finding says in which step.',
    'Read the log from the first complaint on.',
  ),
  'kernel-oops': entry(
    'verification',
    'The kernel oopsed',
    'A fault in kernel code: a bad address, an invalid instruction, a BUG().',
    'Read the call trace; a frame marked [livepatch_...] lies in the new code.',
  ),
  'kernel-lockup': entry(
    'verification',
    'The kernel found something stuck',
    'A soft or hard lockup, a task blocked for minutes, or an RCU stall.',
    'Read the call trace in the log; look for loops and locks in the new code.',
  ),
  'kernel-warning': entry(
    'verification',
    'The kernel warned',
    "A WARN(), a lock order complaint or a checker's report was printed while the livepatch was tested.",
    'Read the lines in the log. If the kernel prints it without the livepatch too, say so in a report.',
  ),
  'livepatch-message': entry(
    'verification',
    'The livepatch core complained',
    'The kernel printed a message that starts with "livepatch:" and is not part of a normal load or ' +
      'unload.',
    'Read the message; it names the object or function.',
  ),
  'livepatch-load-failed': entry(
    'verification',
    'The livepatch cannot be loaded',
    'insmod failed; the kernel log says why.',
    'Read the output of the step. "failed to find location" means no ftrace entry, "Unknown symbol" a ' +
      'missing symbol.',
  ),
  'transition-stalled': entry(
    'verification',
    'The transition does not end',
    'Some task never left a patched function, or its stack cannot be read reliably. The finding lists ' +
      'the tasks and where they are.',
    'A task that sleeps for ever in a patched function holds the patch up: patch a function it calls, ' +
      'or wake it up.',
  ),
  'livepatch-stuck': entry(
    'verification',
    'The livepatch could not be taken back',
    'After a stalled transition the reverse transition did not end either.',
    'Read which tasks are listed with their stacks.',
  ),
  'object-not-patched': entry(
    'verification',
    'A module that should be patched is not',
    'The kernel lists the module under the livepatch, but it is not patched, or the livepatch does not ' +
      'name it at all.',
    'Check the name of the module (underscores) and the kernel log.',
  ),
  'object-not-tested': entry(
    'verification',
    'The livepatch patches a module that this kernel does not have',
    'The part for that module was not exercised.',
    'Build the kernel with that module (--config), or verify on the kernel the patch is meant for.',
  ),
  'target-load-failed': entry(
    'verification',
    'The module to be patched cannot be loaded',
    'insmod failed for it or for a module it needs.',
    'Read the output of the step and the kernel log.',
  ),
  'target-unload-failed': entry(
    'verification',
    'The module to be patched cannot be unloaded',
    'It is still in use when it has to go, mostly by something the test script left behind.',
    'Make the script clean up (umount, losetup -d) at the end of each phase.',
  ),
  'guest-test-failed': entry(
    'verification',
    'The test script failed',
    'It ended with another exit code than 0, or did not end in time; the finding names the phase.',
    'Read its output. It runs under busybox sh with the argument before, during or after.',
  ),
  'disable-stalled': entry(
    'verification',
    'The livepatch cannot be disabled',
    'Writing 0 to its enabled file failed, or the transition back did not end.',
    'Read which tasks hold it up; a thread that always runs in new code never leaves it.',
  ),
  'livepatch-unload-failed': entry(
    'verification',
    'The disabled livepatch cannot be unloaded',
    'rmmod failed although the livepatch is disabled; something still refers to the module.',
    'Look for references: callbacks, timers, or a module parameter file held open.',
  ),
  'selftest-failed': entry(
    'verification',
    'A livepatch selftest of the kernel failed',
    'One of the scripts of tools/testing/selftests/livepatch reported an error.',
    'Read its output: lines with - were expected, lines with + were found.',
  ),
  'selftests-missing': entry(
    'verification',
    'There are no livepatch selftests for this kernel',
    'The image has none, because its kernel tree has none.',
    'Use a newer kernel, or leave out --selftests.',
  ),
  'static-ambiguous': entry(
    'refused',
    'A static variable could be several',
    'A changed function uses a static variable, the original file has several of that name, type and content, and nothing proves which of them it is. The wrong one would silently corrupt state.',
    'Give the variable a name of its own in the patch, or keep the changed function free of it (for example by calling an unchanged function that uses it).',
  ),
  'does-not-compile': entry(
    'usage',
    'A file does not compile',
    'The compiler rejected the file with the options recorded in the kernel build. Nothing was produced.',
    'Fix the patch. If the patch needs headers or files of a newer kernel, add those changes to it.',
  ),
  'compile-mismatch': entry(
    'refused',
    'The kernel object could not be reproduced',
    'Compiling the unpatched file with the recorded compiler and options did not give the code that is in the kernel build, so the compiler, its options or the sources are not those of the running kernel. A livepatch built this way could rely on things that are not so.',
    'Use the clang that built the kernel and the sources it was built from; if files were edited after the build, restore them or rebuild.',
  ),
  'init-function-changed': entry(
    'refused',
    'The patch changes code that runs only once',
    'Functions marked __init or __exit run when the kernel boots or a module comes or goes. __init code has run and its memory is freed; a new version would never be called, and the fix would silently do nothing.',
    'If the fix matters for a running kernel, do its work in a pre-patch callback (--callbacks FILE.c); if not, leave this part out of the patch.',
  ),
  'data-changed': entry(
    'refused',
    'The patch changes the initial value of existing data',
    'The variable lives in the running kernel and has a value of its own by now. A livepatch replaces functions, not data; ignoring the change would leave the kernel unfixed.',
    'Set the new value in a pre-patch callback (--callbacks FILE.c), or change the functions that read the variable; for a new field of a structure use a shadow variable (klp_shadow_alloc).',
  ),
  'data-renamed': entry(
    'refused',
    'A variable may have got another name or moved to another function',
    'The patch takes a variable away and adds one of the same type and initial value. The running kernel holds a value in the old one; the livepatch would start with a fresh one beside it.',
    'Leave the variable its name and its place in the patch. If it really is another one, give it another type or initial value.',
  ),
  'registered-data-changed': entry(
    'refused',
    'The patch changes a list that is read only at boot or load',
    'Initcalls, module parameters, exported symbols, trace events and the like are collected when the kernel boots or a module is loaded. A livepatch cannot add, change or remove such an entry.',
    'Leave this part out of the patch, or do by hand in a pre-patch callback (--callbacks FILE.c) what the registration would have done.',
  ),
  'export-changed': entry(
    'refused',
    'The patch changes an exported symbol',
    'EXPORT_SYMBOL entries are tables of vmlinux or of a module and cannot be changed while it runs; a removed or changed export would break the modules that use it.',
    'Leave the EXPORT_SYMBOL line out of the patch. A new function that only the patch uses needs no export.',
  ),
  'file-asm-changed': entry(
    'refused',
    'The patch changes assembly at file level',
    'Assembly outside functions (an initcall entry, a static call trampoline, an asm() statement) is part of the running kernel and cannot be replaced.',
    "Leave this part out of the patch; do an initcall's work in a pre-patch callback (--callbacks FILE.c).",
  ),
  'alias-changed': entry(
    'refused',
    'The patch changes a symbol alias',
    'An alias is a second name in the symbol table of the running kernel and cannot be redirected by a livepatch.',
    'Change the function that the alias stands for instead of the alias.',
  ),
  'modinfo-not-carried': entry(
    'refused',
    'A module description is not carried over',
    'MODULE_DESCRIPTION, MODULE_ALIAS and the like describe a module to tools. They have no effect on running code and stay as they are; the finding is a warning.',
    'Nothing to do.',
    'warning',
  ),
  'not-traceable': entry(
    'refused',
    'A changed function cannot be redirected',
    'A livepatch redirects a function through its ftrace entry. This function has none: it is marked notrace or noinstr, or its file is built without tracing. Loading the module would fail.',
    'Change its callers instead: copy the fixed code under a new name and let the callers call that.',
  ),
  'signature-changed': entry(
    'refused',
    'A function called from elsewhere changes its parameters or result',
    'Code outside the patched files calls this function the old way and would reach the new one with other arguments.',
    'Keep the old function as it is and add a new one with the new parameters for the patched callers.',
  ),
  'no-effect': entry(
    'nothing',
    'The patch changes no code',
    'The patch applies, but no function of the running kernel changes with it: it changes comments, white space, documentation, code that this configuration does not build, or code that nothing there uses.',
    'Check that the patch is meant for this kernel and this configuration.',
  ),
  'static-copied': entry(
    'refused',
    'A static variable has a copy of its own in the livepatch',
    'Some static data belongs to a place in the code (debug descriptors, once-flags). The livepatch brings its own instance where that is harmless; the finding is a note.',
    'Nothing to do.',
    'note',
  ),
  'static-branch-dynamic': entry(
    'refused',
    'A static branch became an ordinary branch',
    'The key of a static branch (a tracepoint, for example) lives in a module, and a livepatch cannot register such a branch before the module is there. The patched function reads the key each time instead: same decision, slightly slower. The finding is a note.',
    'Nothing to do.',
    'note',
  ),
  'objtool-warning': entry(
    'refused',
    'objtool has a doubt about the generated code',
    'objtool checks control flow and stack layout. A warning can mean that stack traces through the function are not reliable, which delays transitions. The finding is a warning.',
    'Look at the function it names; please report it if the original code gives no such warning.',
    'warning',
  ),
  'callbacks-unusable': entry(
    'usage',
    'The callbacks file cannot be used',
    'The file given with --callbacks must be C code that defines at least one of pre_patch_callback, post_patch_callback, pre_unpatch_callback, post_unpatch_callback, each taking a struct klp_object pointer (pre_patch_callback returns int, the others nothing).',
    'Correct the file. Symbols that no header offers are declared with LLPATCH_DECLARE_SYMBOL(TYPE, ALIAS, PATH, NAME) from "llpatch.h" and used as LLPATCH_SYMBOL(ALIAS).',
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
  'struct-layout-changed': entry(
    'refused',
    'A structure changes its layout',
    'The running kernel holds objects of the old layout, and code that the patch does not replace goes on using it. New code with another idea of where the fields are would corrupt memory.',
    'Keep the structure as it is. Put a new field into a shadow variable (klp_shadow_alloc, klp_shadow_get), attached to the object it belongs to.',
  ),
  'section-not-for-modules': entry(
    'refused',
    'A changed function needs something that only the boot of the kernel does',
    'Kernel code can leave records for the kernel to act on (places to patch, tables to register) in sections of their own. The module loader knows some of them; this one is read only while vmlinux boots, so the livepatch would run code that was never finished.',
    'Move the change into a function that does not use the macro which makes these records, or call an unchanged function for that part.',
  ),
} as const satisfies Record<string, CodeEntry>;

export type Code = keyof typeof codes;
