import { checkCodes } from './codes/check.js';
import { commandCodes } from './codes/command.js';
import { diffCodes } from './codes/diff.js';
import { imagesCodes } from './codes/images.js';
import { kernelCodes } from './codes/kernel.js';
import { klpCodes } from './codes/klp.js';
import { patchCodes } from './codes/patch.js';
import { surveyCodes } from './codes/survey.js';
import { verifyCodes } from './codes/verify.js';
import type { CodeEntry } from './codes/entry.js';

/**
 * Every reason code there is. Codes are stable: scripts depend on them. A code is never renamed; one that
 * is no longer produced is removed with a note in the changelog.
 */
export const codes = {
  ...commandCodes,
  ...patchCodes,
  ...kernelCodes,
  ...diffCodes,
  ...klpCodes,
  ...imagesCodes,
  ...checkCodes,
  ...verifyCodes,
  ...surveyCodes,
} as const satisfies Record<string, CodeEntry>;

export type Code = keyof typeof codes;
