import { afterEach, describe, expect, it, vi } from 'vitest';
import { qemuCommand, requireQemu } from '../../../src/verify/qemu.js';

describe('qemuCommand', () => {
  const machine = { arch: 'x86_64', accelerator: 'tcg' as const, kernel: '/k', initramfs: '/i' };

  it('is made of the data of the architecture', () => {
    expect(qemuCommand(machine).join(' ')).toMatchInlineSnapshot(
      `"qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none -monitor none -machine q35 -accel tcg,thread=single -cpu max -smp 2 -m 1024 -nic none -serial stdio -kernel /k -initrd /i -append console=ttyS0 earlyprintk=serial,ttyS0 tsc=reliable no_timer_check panic=-1 oops=panic softlockup_panic=1 ignore_loglevel printk.time=1 printk.devkmsg=on log_buf_len=4M rdinit=/init"`,
    );
  });

  it('is another for another architecture, by data alone', () => {
    const arm64 = qemuCommand({ ...machine, arch: 'arm64' });
    expect(arm64.join(' ')).toMatchInlineSnapshot(
      `"qemu-system-aarch64 -nodefaults -no-user-config -no-reboot -display none -monitor none -machine virt,gic-version=max -accel tcg,thread=single -cpu max,pauth-impdef=on -smp 2 -m 1024 -nic none -serial stdio -kernel /k -initrd /i -append console=ttyAMA0 earlycon panic=-1 oops=panic softlockup_panic=1 ignore_loglevel printk.time=1 printk.devkmsg=on log_buf_len=4M rdinit=/init"`,
    );
    const kvm = qemuCommand({ ...machine, arch: 'arm64', accelerator: 'kvm' });
    expect(kvm.filter((word, at) => word !== arm64[at])).toEqual(['kvm', 'host']);
  });

  it('has no network, no disk, and does not reboot', () => {
    const command = qemuCommand(machine);
    expect(command.join(' ')).toContain('-nic none');
    expect(command).toContain('-nodefaults');
    expect(command).toContain('-no-reboot');
    expect(command.filter((word) => /drive|hda|netdev/.test(word))).toEqual([]);
  });

  it('emulates all processors in one thread, and lets KVM use several', () => {
    expect(qemuCommand(machine)).toContain('tcg,thread=single');
    expect(qemuCommand({ ...machine, accelerator: 'kvm' })).toContain('kvm');
  });

  it('takes an alias of the architecture', () => {
    expect(qemuCommand({ ...machine, arch: 'amd64' })).toEqual(qemuCommand(machine));
  });
});

describe('requireQemu', () => {
  afterEach(() => void vi.unstubAllEnvs());

  it.each([
    ['x86_64', 'qemu-system-x86'],
    ['arm64', 'qemu-system-arm'],
  ])('names the package that is missing for %s', (arch, name) => {
    vi.stubEnv('PATH', '/nonexistent');
    expect(() => requireQemu(arch)).toThrow(
      expect.objectContaining({
        code: 'qemu-missing',
        advice: expect.stringMatching(`${name}$`) as string,
      }),
    );
  });
});
