import { entry } from './entry.js';

/** Codes of reading and applying a patch, and of compiling what it changes. */
export const patchCodes = {
  'not-a-patch': entry(
    'usage',
    'Not a usable patch',
    'The file holds no unified diff, or one that was cut or edited so that its hunks do not add up.',
    'Make it with `git diff`, `git format-patch` or `diff -up`, and do not edit the lines of a hunk by hand.',
  ),
  'patch-not-utf8': entry(
    'usage',
    'A line of the patch is not UTF-8 text',
    'The kernel would get other bytes than those in the patch. Its sources are UTF-8.',
    'Convert the patch (iconv -f latin1 -t utf-8), or write the bytes as an escape ("\\xe9").',
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
  'generated-not-remade': entry(
    'refused',
    'The kernel build generated source from a file that the patch changes',
    'A program of the build read this file and wrote C source from it: a table of names from a header, for instance. The livepatch replaces functions that are compiled with the file itself; what was generated stays as the build made it. The finding is a warning.',
    'Look at what the build generates from the file, and whether the new code relies on it.',
    'warning',
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
    'The change reaches code that is linked apart from the kernel, or the script by which it was linked',
    'What is made of it belongs to a vDSO, a boot loader stub, a host program or the like, neither to vmlinux nor to a module, or decided where things lie in the kernel when it was built. Programs would go on with the old code of a vDSO.',
    'Leave the file out of the patch; if the change depends on it, a new kernel is needed.',
  ),
  'nothing-to-patch': entry(
    'nothing',
    'Nothing to patch',
    'What the patch changes does not reach the running kernel: comments, white space, documentation, tests, tools.',
    'If a change was expected to matter, check that it is in the patch.',
  ),
  'does-not-compile': entry(
    'usage',
    'A file does not compile',
    'The compiler rejected the file with the options recorded in the kernel build. Nothing was produced.',
    'Fix the patch. If the patch needs headers or files of a newer kernel, add those changes to it.',
  ),
  'no-effect': entry(
    'nothing',
    'The patch changes no code',
    'The patch applies, but no function of the running kernel changes with it: it changes comments, white space, documentation, code that this configuration does not build, or code that nothing there uses.',
    'Check that the patch is meant for this kernel and this configuration.',
  ),
} as const;
