import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withTempDir } from '../shared/files.js';
import { KlpError } from '../shared/errors.js';
import type { BootPlan } from './initramfs.js';
import { startMachine, type Accelerator } from './qemu.js';
import { createRecorder, type BootRecord, type Recorder } from './recorder.js';

/** Once the guest is through, it may take this long to switch itself off. */
const powerOffMs = 10_000;
/** Lines of the console that go with a finding. */
const lastLines = 25;

export interface BootOptions {
  arch: string;
  accelerator: Accelerator;
  kernel: string;
  initramfs: Uint8Array;
  plan: BootPlan;
  /** The longest that the boot, one case or one selftest may take. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Called when what the guest is doing changes. */
  onDoing: (what: string) => void;
}

/**
 * Boots once and listens until the machine is gone. A boot that ends otherwise than by the plan's end has a
 * finding that says how.
 * @throws KlpError `qemu-failed` when QEMU could not start, `interrupted`
 */
export async function boot(options: BootOptions): Promise<BootRecord> {
  const recorder = createRecorder(options.plan);
  await withTempDir('klp-boot', async (dir) => {
    const initramfs = join(dir, 'initramfs');
    await writeFile(initramfs, options.initramfs);
    await listen(options, initramfs, recorder);
  });
  return recorder.record;
}

async function listen(options: BootOptions, initramfs: string, recorder: Recorder): Promise<void> {
  const { record } = recorder;
  let expired = false;
  let timer: NodeJS.Timeout | undefined;
  const restart = (): void => {
    clearTimeout(timer);
    timer = setTimeout(
      () => {
        expired = !record.finished;
        machine.kill();
      },
      record.finished ? powerOffMs : options.timeoutMs,
    );
  };
  const machine = startMachine(
    { arch: options.arch, accelerator: options.accelerator, kernel: options.kernel, initramfs },
    {
      signal: options.signal,
      onLine: (line) => {
        const { doing } = record;
        if (recorder.line(line)) restart();
        if (record.doing !== doing) options.onDoing(record.doing);
      },
    },
  );
  restart();
  const end = await machine.ended;
  clearTimeout(timer);
  if (options.signal.aborted) throw new KlpError('interrupted', 'the verification was interrupted');
  if (end.byItself && !end.ok && !record.started)
    throw new KlpError('qemu-failed', `QEMU ended with ${end.how}`);
  if (!record.finished) explainEnd(recorder, expired, options.timeoutMs);
}

/** Says why a boot ended before its plan did. */
function explainEnd(recorder: Recorder, expired: boolean, timeoutMs: number): void {
  const { record, find, cut } = recorder;
  const output = record.log.slice(-lastLines).join('\n');
  const panic = record.log.findLast((line) => line.includes('Kernel panic - not syncing'));
  const said = panic?.replace(/^\[[^\]]*\] ?/, '');
  const { doing } = record;
  if (!record.started) {
    const how = said ?? (expired ? `nothing within ${timeoutMs / 1000} s` : 'the machine ended');
    record.steps.push({ phase: 'boot', name: 'boot', ok: false, output });
    find('kernel-does-not-boot', `the kernel did not start its first process: ${how}`, { output });
    return;
  }
  cut(said ?? (expired ? `nothing more within ${timeoutMs / 1000} s` : 'the machine ended'));
  if (expired) {
    find('guest-hang', `no end of "${doing}" within ${timeoutMs / 1000} s`, { output });
  } else if (panic === undefined) {
    find('machine-ended', `the machine ended during "${doing}"`, { output });
  } else if (!record.findings.some((finding) => finding.code.startsWith('kernel-'))) {
    find('kernel-panic', `the kernel panicked during "${doing}": ${said}`, { output });
  } else {
    // The fault itself is a finding already; it gets the log.
    const fault = record.findings.findLast((finding) => finding.code.startsWith('kernel-'));
    if (fault !== undefined) fault.output ??= output;
  }
}
