import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { archData, type ArchData } from '../shared/catalog.js';
import { KlpError } from '../shared/errors.js';
import { start } from '../shared/run.js';

export type Accelerator = 'kvm' | 'tcg';

export interface Machine {
  arch: string;
  accelerator: Accelerator;
  kernel: string;
  /** Without it the kernel panics for want of a root file system, which is enough for a probe. */
  initramfs?: string;
  /** Processors; two show races and tasks of another processor, and cost nothing. Default: 2. */
  cpus?: number;
  /** Default: 1024. */
  memoryMiB?: number;
}

/**
 * TCG runs all processors in one thread: with a thread each, QEMU before 8.1 may keep executing an instruction
 * that another processor has just replaced. Live patching replaces instructions all the time, and the guest
 * then dies of an int3 that is no longer there.
 */
const accelerators: Record<Accelerator, string> = { kvm: 'kvm', tcg: 'tcg,thread=single' };

/** QEMU's argument vector: no disk, no network, no monitor; the kernel's console is standard output. */
export function qemuCommand(machine: Machine): string[] {
  const { qemu } = archData(machine.arch);
  const { accelerator } = machine;
  return [
    qemu.binary,
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-monitor', 'none'],
    ...['-machine', qemu.machine, '-accel', accelerators[accelerator], '-cpu', qemu.cpu[accelerator]],
    ...['-smp', String(machine.cpus ?? 2), '-m', String(machine.memoryMiB ?? 1024)],
    ...['-nic', 'none', '-serial', 'stdio'],
    ...['-kernel', machine.kernel],
    ...(machine.initramfs === undefined ? [] : ['-initrd', machine.initramfs]),
    ...['-append', kernelCommandLine(qemu)],
  ];
}

/**
 * An oops or a lockup ends the boot by a panic, and a panic ends QEMU at once (`panic=-1` asks for a reboot,
 * which -no-reboot turns into an exit): what came after would prove nothing.
 */
function kernelCommandLine(qemu: ArchData['qemu']): string {
  return [
    `console=${qemu.console}`,
    qemu.append,
    ...['panic=-1', 'oops=panic', 'softlockup_panic=1'],
    // The protocol goes through the kernel log: nothing may be dropped from it or filtered.
    ...['ignore_loglevel', 'printk.time=1', 'printk.devkmsg=on', 'log_buf_len=4M'],
    'rdinit=/init',
  ].join(' ');
}

/**
 * Makes sure that QEMU for an architecture is installed.
 * @throws KlpError `qemu-missing`
 */
export function requireQemu(arch: string): void {
  const { name, qemu } = archData(arch);
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  if (folders.some((folder) => isExecutable(join(folder, qemu.binary)))) return;
  throw new KlpError(
    'qemu-missing',
    `${qemu.binary} is not installed; without it a ${name} kernel cannot be booted`,
    {
      advice: `Install it, on Debian or Ubuntu with: apt-get install -y ${qemu.package}`,
    },
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** How a machine ended. */
export interface MachineEnd {
  /** QEMU ended by itself; false when it was killed. */
  byItself: boolean;
  /** QEMU itself had nothing to complain about. */
  ok: boolean;
  /** Exit code or signal, and what QEMU said. */
  how: string;
}

export interface RunningMachine {
  ended: Promise<MachineEnd>;
  kill: () => void;
}

/**
 * Starts a machine. It is gone when `signal` fires and when this process ends, however it ends.
 * @param onLine gets each line of the console, without its end
 */
export function startMachine(
  machine: Machine,
  options: { signal: AbortSignal; onLine: (line: string) => void },
): RunningMachine {
  let rest = '';
  let killed = false;
  const program = start(qemuCommand(machine), {
    signal: options.signal,
    onOutput: (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) options.onLine(cleanLine(line));
    },
  });
  const ended = program.ended.then(({ exitCode, signal, stderr }) => {
    if (rest !== '') options.onLine(cleanLine(rest));
    const words = stderr.trim();
    const how = signal === undefined ? `exit code ${exitCode}` : `signal ${signal}`;
    return { byItself: !killed, ok: exitCode === 0, how: words === '' ? how : `${how}: ${words}` };
  });
  const kill = (): void => {
    killed = true;
    program.kill();
  };
  return { ended, kill };
}

/** A line of a serial console as plain text: no escape sequences, no control characters but the tab. */
function cleanLine(line: string): string {
  return stripVTControlCharacters(line).replace(/[^\P{Cc}\t]/gu, '');
}
