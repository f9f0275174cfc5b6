import { KlpError } from '../../shared/errors.js';
import type { ObjectCallbacks } from './wrapper.js';

/** The user's functions, by the names that LLpatch gave them, and what they are in `struct klp_callbacks`. */
const kinds = [
  ['prePatch', 'pre_patch_callback', 'int'],
  ['postPatch', 'post_patch_callback', 'void'],
  ['preUnpatch', 'pre_unpatch_callback', 'void'],
  ['postUnpatch', 'post_unpatch_callback', 'void'],
] as const;

/** A function of the user's that is called around patching. */
export interface Hook {
  /** In the user's file. */
  name: string;
  type: 'int' | 'void';
  /** The global function that calls it. */
  shim: string;
}

/**
 * Finds the callbacks in C code: `int pre_patch_callback(struct klp_object *)`, and `post_patch_`, `pre_unpatch_` and
 * `post_unpatch_callback` without a result. They are called for every patched object that has none of its own; those have
 * its name at the end, as `pre_patch_callback_ext4`.
 * @param objnames the objects that the livepatch patches
 * @param file what messages call the code
 * @throws KlpError `callbacks-unusable` when there is none, or one of an object that is not patched
 */
export function hooksIn(
  code: string,
  objnames: readonly string[],
  file: string,
): { hooks: Hook[]; callbacks: ObjectCallbacks[] } {
  const hooks = new Map<string, Hook>();
  const callbacks = objnames.map((objname): ObjectCallbacks => ({ objname }));
  for (const [kind, base, type] of kinds) {
    // Those of one object come last, in place of those for all.
    const named = [...code.matchAll(new RegExp(`\\b${base}(?:_(\\w+))?(?=\\s*\\()`, 'g'))];
    for (const [name, owner] of named.sort(
      (a, b) => Number(a[1] !== undefined) - Number(b[1] !== undefined),
    )) {
      const shim = `klp_call_${name}`;
      hooks.set(name, { name, type, shim });
      const users = callbacks.filter(({ objname }) => owner === undefined || owner === objname);
      for (const user of users) user[kind] = shim;
      if (users.length > 0) continue;
      throw new KlpError(
        'callbacks-unusable',
        `${name} is a callback of ${owner ?? ''} by its name, and the livepatch patches ${objnames.join(' and ')}`,
        { file, function: name },
      );
    }
  }
  if (hooks.size === 0)
    throw new KlpError('callbacks-unusable', `${file} defines no callback function`, { file });
  return { hooks: [...hooks.values()], callbacks };
}

/** The functions of the livepatch that are called for an object. */
export function shimsOf({ prePatch, postPatch, preUnpatch, postUnpatch }: ObjectCallbacks): string[] {
  return [prePatch, postPatch, preUnpatch, postUnpatch].filter((shim) => shim !== undefined);
}
