import { entry } from './entry.js';

/** Codes of making the module: the kernel's symbols, relocations, linking. */
export const klpCodes = {
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
  'module-loads-once': entry(
    'usage',
    'A module cannot be loaded again while the livepatch is loaded',
    'The livepatch uses symbols of the module, which the kernel writes into it when the module is loaded. A kernel before 6.3 does not take them out again when the module is unloaded, and on x86_64 refuses to load the module once more ("Invalid relocation target, existing value is nonzero"). The finding is a warning.',
    'Do not unload the module while the livepatch is loaded. To load it again, disable the livepatch and unload that first.',
    'warning',
  ),
  'module-name-invalid': entry(
    'usage',
    'The name of the livepatch cannot be a module name',
    'A module name has letters, digits, `_` and `-`, and with the prefix `livepatch_` at most 55 characters.',
    'Choose a shorter name or other characters with --name.',
  ),
  'symbol-name-conflict': entry(
    'refused',
    'Two objects define a symbol of the same name',
    'Two patched objects would be linked into one livepatch with it, or code that uses the name could mean either. A reference could reach the wrong one.',
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
    'The file given with --callbacks must be C code that defines at least one of pre_patch_callback, post_patch_callback, pre_unpatch_callback, post_unpatch_callback, each taking a struct klp_object pointer (pre_patch_callback returns int, the others nothing). They are called for each patched object, and again whenever one that is a module is loaded or unloaded; those with the name of an object at the end (pre_patch_callback_vmlinux, pre_patch_callback_ext4) for that one, in place of the others. Symbols of vmlinux can be used in all of them, those of a module only in code that runs for that module alone: it need not be loaded at other times. What is declared has the kind and the size that the kernel gives it, and what the running kernel holds read-only is not written to.',
    'Correct the file. Symbols that no header offers are declared with LLPATCH_DECLARE_SYMBOL(TYPE, ALIAS, PATH, NAME) from "llpatch.h" and used as LLPATCH_SYMBOL(ALIAS). What only the patch defines is declared with `extern`, and defined without `static`.',
  ),
} as const;
