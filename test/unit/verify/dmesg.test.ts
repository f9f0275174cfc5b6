import { describe, expect, it } from 'vitest';
import { isConsequence, markLine } from '../../../src/verify/dmesg.js';

describe('markLine', () => {
  it.each([
    ['BUG: kernel NULL pointer dereference, address: 0000000000000008', 'kernel-oops'],
    ['BUG: unable to handle page fault for address: ffffc90000000000', 'kernel-oops'],
    ['Oops: int3: 0000 [#1] SMP NOPTI', 'kernel-oops'],
    ['Unable to handle kernel paging request at virtual address dead000000000108', 'kernel-oops'],
    ['Internal error: Oops: 0000000096000004 [#1] SMP', 'kernel-oops'],
    ['Internal error: Oops - BTI: 0000000036000002 [#1] SMP', 'kernel-oops'],
    ['Internal error: synchronous external abort: 0000000096000210 [#1] SMP', 'kernel-oops'],
    ['Unexpected kernel BRK exception at EL1', 'kernel-oops'],
    ['SError Interrupt on CPU0, code 0x00000000be000011 -- SError', 'kernel-oops'],
    ['Unhandled 64-bit el1h sync exception on CPU1, ESR 0x0000000002000000 -- Unknown', 'kernel-oops'],
    ['Insufficient stack space to handle exception!', 'kernel-oops'],
    ['CFI failure at f+0x10/0x20 (target: g+0x0/0x10; expected type: 0x12345678)', 'kernel-oops'],
    ['kernel BUG at fs/ext4/inode.c:100!', 'kernel-oops'],
    ['WARNING: CPU: 1 PID: 110 at kernel/x.c:16 f+0x15/0x20', 'kernel-warning'],
    ['WARNING: kernel/x.c:16 at f+0x15/0x20, CPU#1: insmod/110', 'kernel-warning'],
    ['WARNING: possible circular locking dependency detected', 'kernel-warning'],
    ['BUG: sleeping function called from invalid context at mm/slab.h:1', 'kernel-warning'],
    ['BUG: scheduling while atomic: sh/1/0x00000002', 'kernel-warning'],
    ['watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [insmod:1]', 'kernel-lockup'],
    ['INFO: task insmod:72 blocked for more than 120 seconds.', 'kernel-lockup'],
    ['rcu: INFO: rcu_sched self-detected stall on CPU', 'kernel-lockup'],
    ['rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:', 'kernel-lockup'],
    ['rcu_tasks: INFO: rcu_tasks detected stalls on tasks:', 'kernel-lockup'],
    ['Kernel panic - not syncing: x', 'kernel-panic'],
    ["livepatch: failed to patch object 'vmlinux'", 'livepatch-message'],
    ["livepatch: symbol 'x' not found in symbol table", 'livepatch-message'],
  ])('%s', (text, code) => {
    expect(markLine(text)).toMatchObject({ code, severity: 'error' });
  });

  it.each([
    "livepatch: enabling patch 'livepatch_x'",
    "livepatch: 'livepatch_x': starting patching transition",
    "livepatch: 'livepatch_x': patching complete",
    "livepatch: 'livepatch_x': unpatching complete",
    "livepatch: applying patch 'livepatch_x' to loading module 'loop'",
    "livepatch: reverting patch 'livepatch_x' on unloading module 'loop'",
    "livepatch: 'livepatch_x': reversing transition from patching to unpatching",
    'livepatch_x: tainting kernel with TAINT_LIVEPATCH',
    'loop: module loaded',
    'EXT4-fs (loop0): mounted filesystem',
  ])('nothing wrong with: %s', (text) => {
    expect(markLine(text)).toBeUndefined();
  });

  it('an unknown message of the livepatch core is a warning', () => {
    expect(markLine('livepatch: something new')).toMatchObject({
      code: 'livepatch-message',
      severity: 'warning',
    });
  });
});

describe('a panic that follows from a fault already reported', () => {
  it.each([
    'Fatal exception',
    'Fatal exception in interrupt',
    'Oops: Fatal exception',
    'Oops - BUG: Fatal exception in interrupt',
    'softlockup: hung tasks',
    'Asynchronous SError Interrupt',
    'kernel stack overflow',
  ])('%s', (words) => {
    expect(isConsequence(`Kernel panic - not syncing: ${words}`)).toBe(true);
  });

  it.each([
    'Kernel panic - not syncing: Attempted to kill init!',
    'Kernel panic - not syncing: sysrq triggered crash',
    'Internal error: Oops - BUG: Fatal exception',
  ])('is told from others: %s', (text) => {
    expect(isConsequence(text)).toBe(false);
  });
});
