import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { archData } from '../shared/catalog.js';
import { KlpError } from '../shared/errors.js';
import { writeFileAtomic } from '../shared/files.js';
import { startMachine, type Accelerator } from './qemu.js';

/** How long a kernel may take under KVM until its first line; a working KVM needs well under a second. */
const probeMs = 8000;

export interface Choice {
  accelerator: Accelerator;
  /** For people: why. */
  why: string;
}

const cachedSchema = z.strictObject({
  bootId: z.string(),
  arch: z.string(),
  works: z.boolean(),
  why: z.string(),
});

/**
 * KVM where it works, else TCG. /dev/kvm may be there, may open, and yet the guest never runs; so KVM
 * counts only when a kernel has printed a line under it in time. What was found holds until the host reboots
 * and is kept in `cacheDir`.
 */
export async function chooseAccelerator(
  machine: { arch: string; kernel: string },
  options: { signal: AbortSignal; cacheDir?: string; device?: string; limitMs?: number },
): Promise<Choice> {
  const known = await knownAccelerator(machine.arch, options);
  if (known) return known;
  const arch = archData(machine.arch);
  const found = await probe(machine, options.signal, options.limitMs ?? probeMs);
  if (options.cacheDir !== undefined) {
    const entry = { bootId: bootId(), arch: arch.name, ...found };
    await writeFileAtomic(cacheFile(options.cacheDir, arch.name), JSON.stringify(entry));
  }
  return choice(found.works, found.why);
}

/**
 * What is known of KVM without trying it: what stands in its way, or what was found before; undefined when it has not
 * been tried since the host booted.
 */
export async function knownAccelerator(
  machineArch: string,
  options: { cacheDir?: string; device?: string },
): Promise<Choice | undefined> {
  const arch = archData(machineArch);
  const native = [arch.name, ...arch.aliases].includes(process.arch);
  const obstacle = kvmObstacle(native, arch.name, options.device ?? '/dev/kvm');
  if (obstacle !== undefined) return { accelerator: 'tcg', why: obstacle };
  if (options.cacheDir === undefined) return undefined;
  const cached = await readCached(cacheFile(options.cacheDir, arch.name));
  return cached?.bootId === bootId() && cached.arch === arch.name
    ? choice(cached.works, cached.why)
    : undefined;
}

/** Changes whenever the host boots. */
function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

function cacheFile(cacheDir: string, arch: string): string {
  return join(cacheDir, `kvm-${arch}.json`);
}

function choice(works: boolean, why: string): Choice {
  return { accelerator: works ? 'kvm' : 'tcg', why };
}

function kvmObstacle(sameArch: boolean, arch: string, device: string): string | undefined {
  if (!sameArch) return `this machine is not ${arch}`;
  if (!existsSync(device)) return `there is no ${device}`;
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return undefined;
  } catch {
    return `${device} may not be used by this user`;
  }
}

async function readCached(file: string): Promise<z.infer<typeof cachedSchema> | undefined> {
  try {
    return cachedSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

async function probe(
  machine: { arch: string; kernel: string },
  signal: AbortSignal,
  limitMs: number,
): Promise<{ works: boolean; why: string }> {
  let line: string | undefined;
  const running = startMachine(
    { ...machine, accelerator: 'kvm', cpus: 1, memoryMiB: 512 },
    {
      signal,
      onLine: (text) => {
        if (!/Linux version/.test(text)) return;
        line = text;
        running.kill();
      },
    },
  );
  const timer = setTimeout(() => running.kill(), limitMs);
  const end = await running.ended;
  clearTimeout(timer);
  if (signal.aborted) throw new KlpError('interrupted', 'the probe of KVM was interrupted');
  if (line !== undefined) return { works: true, why: 'a kernel ran under KVM' };
  const why = end.byItself
    ? `QEMU with KVM ended with ${end.how.split('\n')[0]}`
    : `no kernel ran under KVM within ${limitMs / 1000} s`;
  return { works: false, why };
}
