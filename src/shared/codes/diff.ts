import { entry } from './entry.js';

/** Codes of what a patch changes and a livepatch cannot carry, or carries in another way. */
export const diffCodes = {
  'defined-elsewhere': entry(
    'refused',
    'The patch defines what the running kernel has elsewhere',
    'The function or variable was moved from another file, or is to override a weak one. The kernel is linked already: all code that is not in the livepatch would go on using the one that it was linked with.',
    'Make the change where the running kernel has its definition, or give the new one a name of its own and let its users use that.',
  ),
  'static-ambiguous': entry(
    'refused',
    'A static variable could be several',
    'A changed function uses a static variable, the original file has several of that name, type and content, and nothing proves which of them it is. The wrong one would silently corrupt state.',
    'Give the variable a name of its own in the patch, or keep the changed function free of it (for example by calling an unchanged function that uses it).',
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
    'EXPORT_SYMBOL entries are tables of vmlinux or of a module and cannot be changed while it runs; a removed export, or an exported function with other parameters or another result, would break the modules that use it, also those that were not built with this kernel.',
    'Leave the EXPORT_SYMBOL line out of the patch; a new function that only the patch uses needs no export. Keep an exported function as it is, and let the patched callers use a new one with the new parameters.',
  ),
  'function-removed': entry(
    'refused',
    'The patch takes a function away that others may call',
    'The function is global, and no header changes with it: code in other files may call it, or a weak definition elsewhere is to take its place. A running kernel goes on calling the one that it was linked with.',
    'Leave the function in place, and change it to do what its callers shall get.',
  ),
  'function-left-behind': entry(
    'refused',
    'A function that the patch takes away stays in the running kernel',
    'Nothing can be taken out of a running kernel. All code that the patch and its headers reach no longer calls the function; the finding is a note.',
    'Nothing to do.',
    'note',
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
} as const;
