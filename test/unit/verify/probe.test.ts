import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { withTempDir } from '../../../src/shared/files.js';
import { hostArch, supportedArchs } from '../../../src/shared/catalog.js';
import { chooseAccelerator, knownAccelerator } from '../../../src/verify/probe.js';

/** Runs `use` with a stand-in for QEMU that does what the shell script says, and an openable "device". */
async function withQemu(
  script: string,
  use: (
    options: { signal: AbortSignal; cacheDir: string; device: string },
    kernel: { arch: string; kernel: string },
  ) => Promise<void>,
): Promise<void> {
  await withTempDir('klp-test', async (dir) => {
    await mkdir(join(dir, 'bin'));
    const qemu = join(dir, 'bin', hostArch().qemu.binary);
    await writeFile(qemu, `#!/bin/sh\necho run >> ${dir}/runs\n${script}\n`);
    await chmod(qemu, 0o755);
    const device = join(dir, 'kvm');
    await writeFile(device, '');
    vi.stubEnv('PATH', `${join(dir, 'bin')}:${process.env['PATH'] ?? ''}`);
    const options = { signal: new AbortController().signal, cacheDir: join(dir, 'cache'), device };
    await use(options, { arch: hostArch().name, kernel: '/k' });
  });
}

describe('chooseAccelerator', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  it('believes in KVM when a kernel speaks under it, and asks only once per boot of the host', async () => {
    await withQemu('echo "[    0.000000] Linux version 6.12"; exec sleep 600', async (options, machine) => {
      expect(await chooseAccelerator(machine, options)).toMatchObject({ accelerator: 'kvm' });
      vi.stubEnv('PATH', '/nonexistent');
      expect(await chooseAccelerator(machine, options)).toMatchObject({ accelerator: 'kvm' });
    });
  });

  it('tells what is known without trying', async () => {
    await withQemu('echo "Linux version 6.12"', async (options, machine) => {
      expect(await knownAccelerator(machine.arch, options)).toBeUndefined();
      await chooseAccelerator(machine, options);
      expect(await knownAccelerator(machine.arch, options)).toMatchObject({ accelerator: 'kvm' });
      expect(await knownAccelerator(machine.arch, { ...options, device: '/nonexistent' })).toMatchObject({
        accelerator: 'tcg',
      });
    });
  });

  it('asks again when what it knows is of another boot', async () => {
    await withQemu('echo "Linux version 6.12"', async (options, machine) => {
      const file = `kvm-${machine.arch}.json`;
      await mkdir(options.cacheDir);
      const old = { bootId: 'another', arch: machine.arch, works: false, why: 'old' };
      await writeFile(join(options.cacheDir, file), JSON.stringify(old));
      expect(await chooseAccelerator(machine, options)).toMatchObject({ accelerator: 'kvm' });
      expect(await readdir(options.cacheDir)).toEqual([file]);
    });
  });

  it('emulates when QEMU refuses KVM, and says why', async () => {
    await withQemu('echo "failed to set MSR" >&2; exit 1', async (options, machine) => {
      const { accelerator, why } = await chooseAccelerator(machine, options);
      expect(accelerator).toBe('tcg');
      expect(why).toContain('failed to set MSR');
    });
  });

  it('emulates when the guest hangs under KVM', async () => {
    await withQemu('exec sleep 600', async (options, machine) => {
      const { accelerator, why } = await chooseAccelerator(machine, { ...options, limitMs: 300 });
      expect(accelerator).toBe('tcg');
      expect(why).toMatch(/no kernel ran under KVM within/);
    });
  });

  it('emulates without a device', async () => {
    await withQemu('exit 1', async (options, machine) => {
      const choice = await chooseAccelerator(machine, { ...options, device: '/nonexistent/kvm' });
      expect(choice).toEqual({ accelerator: 'tcg', why: 'there is no /nonexistent/kvm' });
    });
  });

  it('emulates every architecture but its own, and does not even try KVM', async () => {
    await withQemu('exit 1', async (options, machine) => {
      const others = supportedArchs().filter((name) => name !== machine.arch);
      expect(others).not.toEqual([]);
      for (const arch of others) {
        expect(await chooseAccelerator({ ...machine, arch }, options)).toEqual({
          accelerator: 'tcg',
          why: `this machine is not ${arch}`,
        });
      }
      expect(await readdir(join(options.device, '..'))).not.toContain('runs');
    });
  });
});
