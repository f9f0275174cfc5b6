import { entry } from './entry.js';

/** Codes of the boot that tries a livepatch. */
export const verifyCodes = {
  'boot-files-unusable': entry(
    'environment',
    'The image lacks the files for a test boot',
    'The kernel, its modules or the test tools are missing in the image.',
    'Build the image again with klp-docker build.',
  ),
  'qemu-missing': entry(
    'environment',
    'QEMU for this architecture is not installed',
    'Livepatches are proved by booting the kernel in QEMU, which is a program of this machine, not of ' +
      'the image.',
    'Install it (on Debian or Ubuntu: apt-get install qemu-system-x86 or qemu-system-arm), or leave out ' +
      '--verify.',
  ),
  'qemu-failed': entry(
    'environment',
    'QEMU could not start the machine',
    'QEMU ended with an error of its own before the kernel ran, e.g. for want of memory.',
    'Read its message; free some memory, or update QEMU.',
  ),
  'boot-assets-incomplete': entry(
    'environment',
    'A file that the test boot needs is missing',
    'The boot folder of an image holds the kernel, its modules, busybox, and what the selftests need.',
    'Build the image again with klp-docker build.',
  ),
  'kernel-does-not-boot': entry(
    'verification',
    'The kernel did not reach its first process in time',
    'It printed nothing more, or never started init, before the deadline.',
    "Read the log; a kernel of one's own needs a serial console, an initramfs and devtmpfs built in. " +
      '--timeout gives it longer.',
  ),
  'guest-hang': entry(
    'verification',
    'The guest stopped answering',
    'The deadline passed without an end of the step that was running, and no panic was printed.',
    'Read the log and the step that was running; --timeout gives a slow machine longer.',
  ),
  'machine-ended': entry(
    'verification',
    'The virtual machine ended too early',
    'It rebooted or switched itself off while a step was running, and printed no panic.',
    'Read the log; a triple fault or a test script that reboots does this.',
  ),
  'kernel-panic': entry(
    'verification',
    'The kernel panicked',
    'The boot ended in a panic; the finding says in which step.',
    'Read the log from the first complaint on.',
  ),
  'kernel-oops': entry(
    'verification',
    'The kernel oopsed',
    'A fault in kernel code: a bad address, an invalid instruction, a BUG().',
    'Read the call trace; a frame marked [livepatch_...] lies in the new code.',
  ),
  'kernel-lockup': entry(
    'verification',
    'The kernel found something stuck',
    'A soft or hard lockup, a task blocked for minutes, or an RCU stall.',
    'Read the call trace in the log; look for loops and locks in the new code.',
  ),
  'kernel-warning': entry(
    'verification',
    'The kernel warned',
    "A WARN(), a lock order complaint or a checker's report was printed while the livepatch was tested.",
    'Read the lines in the log. If the kernel prints it without the livepatch too, say so in a report.',
  ),
  'livepatch-message': entry(
    'verification',
    'The livepatch core complained',
    'The kernel printed a message that starts with "livepatch:" and is not part of a normal load or ' +
      'unload.',
    'Read the message; it names the object or function.',
  ),
  'livepatch-load-failed': entry(
    'verification',
    'The livepatch cannot be loaded',
    'insmod failed; the kernel log says why.',
    'Read the output of the step. "failed to find location" means no ftrace entry, "Unknown symbol" a ' +
      'missing symbol.',
  ),
  'transition-stalled': entry(
    'verification',
    'The transition does not end',
    'Some task never left a patched function, or its stack cannot be read reliably. The finding lists ' +
      'the tasks and where they are.',
    'A task that sleeps for ever in a patched function holds the patch up: patch a function it calls, ' +
      'or wake it up.',
  ),
  'transition-may-stall': entry(
    'verification',
    'The transition may not end',
    'A task goes over to the livepatch when none of the functions that are replaced is on its stack. Tasks do not leave this one: it never returns, it is the loop of a kernel thread, or every task that sleeps is in it. The finding is a forecast, and a warning.',
    'Change a function that it calls and that returns. Otherwise the thread has to end and be started again while the livepatch waits (unload its module, stop its device); --verify shows which tasks hold it up.',
    'warning',
  ),
  'livepatch-stuck': entry(
    'verification',
    'The livepatch could not be taken back',
    'After a stalled transition the reverse transition did not end either.',
    'Read which tasks are listed with their stacks.',
  ),
  'object-not-patched': entry(
    'verification',
    'A module that should be patched is not',
    'The kernel lists the module under the livepatch, but it is not patched, or the livepatch does not ' +
      'name it at all.',
    'Check the name of the module (underscores) and the kernel log.',
  ),
  'object-not-tested': entry(
    'verification',
    'The livepatch patches a module that this kernel does not have',
    'The part for that module was not exercised.',
    'Build the kernel with that module (--config), or verify on the kernel the patch is meant for.',
  ),
  'target-load-failed': entry(
    'verification',
    'The module to be patched cannot be loaded',
    'insmod failed for it or for a module it needs.',
    'Read the output of the step and the kernel log.',
  ),
  'target-unload-failed': entry(
    'verification',
    'The module to be patched cannot be unloaded',
    'It is still in use when it has to go, mostly by something the test script left behind.',
    'Make the script clean up (umount, losetup -d) at the end of each phase.',
  ),
  'guest-test-failed': entry(
    'verification',
    'The test script failed',
    'It ended with another exit code than 0, or did not end in time; the finding names the phase.',
    'Read its output. It runs under busybox sh with the argument before, during or after.',
  ),
  'disable-stalled': entry(
    'verification',
    'The livepatch cannot be disabled',
    'Writing 0 to its enabled file failed, or the transition back did not end.',
    'Read which tasks hold it up; a thread that always runs in new code never leaves it.',
  ),
  'livepatch-unload-failed': entry(
    'verification',
    'The disabled livepatch cannot be unloaded',
    'rmmod failed although the livepatch is disabled; something still refers to the module.',
    'Look for references: callbacks, timers, or a module parameter file held open.',
  ),
  'selftest-failed': entry(
    'verification',
    'A livepatch selftest of the kernel failed',
    'One of the scripts of tools/testing/selftests/livepatch reported an error.',
    'Read its output: lines with - were expected, lines with + were found.',
  ),
  'selftests-missing': entry(
    'verification',
    'There are no livepatch selftests for this kernel',
    'The image has none, because its kernel tree has none.',
    'Use a newer kernel, or leave out --selftests.',
  ),
} as const;
