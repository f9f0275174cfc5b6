import { entry } from './entry.js';

/** Codes of `check`: a finished livepatch against a kernel. */
export const checkCodes = {
  'not-a-livepatch': entry(
    'usage',
    'The module is not a livepatch',
    'A livepatch says livepatch=Y in its .modinfo section; the kernel treats any other module as an ' +
      'ordinary one.',
    'Name the livepatch-*.ko or the package that klp-docker generate made.',
  ),
  'module-of-another-kernel': entry(
    'refused',
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
  'module-build-differs': entry(
    'refused',
    'The livepatch was made for another build of a module',
    'The build id is a hash over all code and data of a module. Another one means that a function may be compiled or ' +
      'inlined otherwise, or a structure laid out otherwise, than where the livepatch was proved right. The kernel does not ' +
      'compare it when it patches the module.',
    'Install the module that belongs to the build of the kernel, or generate the livepatch for the build that has this one.',
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
} as const;
