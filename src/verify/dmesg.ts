import type { Code } from '../shared/codes.js';

/** What a line of the kernel log means for a livepatch under test. */
export interface LogMark {
  code: Code;
  severity: 'error' | 'warning';
  /** A report of several lines follows (registers, call trace). */
  block: boolean;
}

interface Rule extends LogMark {
  pattern: RegExp;
}

const error = (code: Code, pattern: RegExp, block = true): Rule => ({
  code,
  severity: 'error',
  block,
  pattern,
});

/** The first rule that fits counts. Texts are those the kernel prints, without time stamp. */
const rules: readonly Rule[] = [
  error('kernel-panic', /^Kernel panic - not syncing/),
  error(
    'kernel-lockup',
    /soft lockup|hard LOCKUP|\bblocked (in I\/O wait )?for more than \d+ seconds|workqueue lockup/,
  ),
  error('kernel-lockup', /\bdetected (expedited )?stalls?\b|self-detected stall/),
  error(
    'kernel-oops',
    /^(Oops:|general protection fault|Internal error:|Unable to handle kernel|kernel BUG at )/,
  ),
  error(
    'kernel-oops',
    /^BUG: (unable to handle|kernel NULL pointer|stack guard page)|^(PANIC: )?double fault/,
  ),
  // What arm64 says first when it is neither a memory fault nor a trap of the kernel's own.
  error(
    'kernel-oops',
    /^(Unexpected kernel (BRK|single-step) exception|Bad mode in .* handler|Unhandled .* exception on CPU\d)/,
  ),
  error('kernel-oops', /^(SError Interrupt on CPU|Insufficient stack space to handle exception)/),
  error('kernel-oops', /stack-protector: Kernel stack is corrupted|^CFI failure at /),
  error('kernel-warning', /^WARNING: |^BUG: |^(UBSAN|KASAN|KCSAN|KFENCE|KMSAN): |^BUG [\w-]+ \(/),
  error(
    'kernel-warning',
    /possible (circular|recursive) locking|inconsistent lock state|suspicious RCU usage/,
  ),
  error('kernel-warning', /^(refcount_t: |list_(add|del) corruption|Bad rss-counter|unchecked MSR access)/),
  error(
    'livepatch-message',
    /^livepatch: .*(fail|error|invalid|sorry|cannot|can't|not found|unresolved)/i,
    false,
  ),
  { code: 'livepatch-message', severity: 'warning', block: false, pattern: /^livepatch: / },
];

/** What the livepatch core says when all goes well. */
const usual = [
  /^livepatch: enabling patch '/,
  /^livepatch: '[^']*': (initializing|starting|completing|reversing) (un)?patching transition/,
  /^livepatch: '[^']*': (un)?patching complete$/,
  /^livepatch: '[^']*': reversing transition from /,
  /^livepatch: (applying|reverting) patch '[^']*' (to loading|on unloading) module '/,
  /^livepatch: signaling remaining tasks$/,
];

/** Classifies one line of the kernel log; undefined for a line of no concern. */
export function markLine(text: string): LogMark | undefined {
  if (usual.some((pattern) => pattern.test(text))) return undefined;
  return rules.find((rule) => rule.pattern.test(text));
}

/** The line that ends a report of several lines. */
export function endsBlock(text: string): boolean {
  return /^---\[ end /.test(text);
}

/** Panics that only follow from a fault already reported; most because our own boot parameters ask for it. */
const consequences = [
  /: (softlockup: hung tasks|kernel stack overflow|Asynchronous SError Interrupt|Unhandled exception)/,
  // The kernel puts the fault's name in front on some architectures.
  /: Fatal exception\b/,
];

/** A panic that says nothing that the report before it has not said. */
export function isConsequence(text: string): boolean {
  return text.startsWith('Kernel panic - not syncing: ') && consequences.some((one) => one.test(text));
}

/** Bits of /proc/sys/kernel/tainted that mean the kernel is damaged or warned: died, warned, soft lockup. */
export const damageTaint = (1 << 7) | (1 << 9) | (1 << 14);
