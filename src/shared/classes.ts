import type { LivepatchClass } from './classes/class.js';
import { comparison } from './classes/comparison.js';
import { references } from './classes/references.js';
import { limits } from './classes/limits.js';
import { loading } from './classes/loading.js';

/**
 * What a livepatch generator has to handle or refuse: facts of the kernel's loader, of compilers and of what other
 * generators ran into. docs/classes.md is made of this.
 */
export const classes: readonly LivepatchClass[] = [...comparison, ...references, ...limits, ...loading];
