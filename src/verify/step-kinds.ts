import type { Code } from '../shared/codes.js';

/** What the failure of a step is called. */
export const stepKinds: Record<string, { code: Code; what: string }> = {
  'load-target': {
    code: 'target-load-failed',
    what: 'the module to be patched cannot be loaded',
  },
  'test-before': {
    code: 'guest-test-failed',
    what: 'the test script failed before the livepatch',
  },
  'load-livepatch': {
    code: 'livepatch-load-failed',
    what: 'the livepatch cannot be loaded',
  },
  transition: { code: 'transition-stalled', what: 'the transition does not end' },
  reverse: { code: 'livepatch-stuck', what: 'the livepatch cannot be taken back' },
  'check-objects': { code: 'object-not-patched', what: 'a module is not patched' },
  'test-during': {
    code: 'guest-test-failed',
    what: 'the test script failed with the livepatch',
  },
  disable: { code: 'disable-stalled', what: 'the livepatch cannot be disabled' },
  'unload-livepatch': {
    code: 'livepatch-unload-failed',
    what: 'the livepatch cannot be unloaded',
  },
  'test-after': {
    code: 'guest-test-failed',
    what: 'the test script failed after the livepatch',
  },
  'unload-target': {
    code: 'target-unload-failed',
    what: 'the patched module cannot be unloaded',
  },
};
