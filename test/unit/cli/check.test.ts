import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeElf } from '../../../src/engine/elf/write.js';
import { resultSchema } from '../../../src/shared/result.js';
import { callCli } from '../../helpers/cli.js';
import { toyLivepatch, toyModinfo } from '../../helpers/toy-livepatch.js';
import { toyKallsyms, toyVmlinux, type ToyKernel } from '../../helpers/toy-vmlinux.js';

const toy: ToyKernel = {
  machine: 62,
  vermagic: '6.12.0 SMP mod_unload ',
  buildId: '0a1b',
  functions: [{ name: 'fixed' }, { name: 'helper' }],
  exports: [{ name: 'klp_enable_patch', crc: 0 }],
};

let dir: string;
const at = (name: string): string => join(dir, name);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-cli-check-'));
  const livepatch = toyLivepatch({
    objects: [{ object: 'vmlinux', functions: [{ name: 'fixed' }] }],
    klpSymbols: ['.klp.sym.vmlinux.helper,0'],
    modinfo: [...toyModinfo, 'klp_build_id=0a1b'],
    imports: { klp_enable_patch: undefined },
  });
  await writeFile(at('x.ko'), writeElf(livepatch));
  await writeFile(at('vmlinux'), toyVmlinux(toy));
  await writeFile(
    at('config'),
    'CONFIG_MODULES=y\nCONFIG_KALLSYMS_ALL=y\nCONFIG_DYNAMIC_FTRACE=y\nCONFIG_LIVEPATCH=y\n',
  );
  await writeFile(at('kallsyms'), toyKallsyms(toy));
  await writeFile(at('other'), toyKallsyms({ ...toy, functions: [{ name: 'x' }, { name: 'y' }] }));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('klp-docker check', () => {
  it('ends with 0 and a line for each part when all fits', async () => {
    const ran = await callCli(['check', at('x.ko'), '--vmlinux', at('vmlinux'), '--config', at('config')]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
    for (const part of [
      'architecture',
      'build id',
      'version magic',
      'configuration',
      'functions',
      'ftrace',
      'symbols',
    ]) {
      expect(ran.stdout).toMatch(new RegExp(`^ok +${part} `, 'm'));
    }
    expect(ran.stdout.trimEnd().split('\n').at(-1)).toBe('The livepatch fits Linux 6.12.0 (x86_64).');
  });

  it('does not say that what it could not look at fits', async () => {
    const ran = await callCli(['check', at('x.ko'), '--kallsyms', at('kallsyms')]);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toMatch(/^-- +ftrace +not checked: .*fixed/m);
    expect(ran.stdout).toContain('as far as it was looked at');
  });

  it('ends with 3 and every mismatch, on stderr and in the document', async () => {
    const args = ['check', at('x.ko'), '--kallsyms', at('other')];
    const ran = await callCli(args);
    expect(ran).toMatchObject({ exitCode: 3, stdout: '' });
    expect(ran.stderr).toMatch(/^FAIL +functions /m);
    expect(ran.stderr).toMatch(/^FAIL +symbols /m);
    expect(ran.stderr).toContain('has no fixed');
    expect(ran.stderr).toContain('has no helper');
    const json = await callCli([...args, '--json']);
    expect(json.exitCode).toBe(3);
    const document = resultSchema.parse(JSON.parse(json.stdout));
    expect(document.status).toBe('refused');
    const errors = document.findings.filter((finding) => finding.severity === 'error');
    expect(errors.map(({ code, object }) => [code, object])).toEqual([
      ['symbol-not-in-kernel', 'vmlinux'],
      ['symbol-not-in-kernel', 'vmlinux'],
    ]);
    expect(document.checks?.find((check) => check.name === 'functions')).toMatchObject({
      ok: false,
      required: true,
    });
  });

  it('prints nothing but errors when it is to be quiet', async () => {
    const quiet = await callCli(['check', at('x.ko'), '--vmlinux', at('vmlinux'), '--quiet']);
    expect(quiet).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    const refused = await callCli(['check', at('x.ko'), '--kallsyms', at('other'), '--quiet']);
    expect(refused.stderr).toMatch(/^error: /);
    expect(refused.stderr).not.toContain('FAIL');
  });

  it.each([
    { what: 'without a kernel', args: ['x.ko'], code: 'usage' },
    { what: 'with a kernel that is not there', args: ['x.ko', '--vmlinux', 'none'], code: 'input-not-found' },
    {
      what: 'with a kernel that is none',
      args: ['x.ko', '--vmlinux', 'config'],
      code: 'kernel-file-unusable',
    },
    {
      what: 'with a list that is none',
      args: ['x.ko', '--kallsyms', 'config'],
      code: 'kernel-file-unusable',
    },
    {
      what: 'with a module that is none',
      args: ['x.ko', '--kallsyms', 'kallsyms', '--module', 'config'],
      code: 'kernel-file-unusable',
    },
    { what: 'of what is no livepatch', args: ['config', '--kallsyms', 'kallsyms'], code: 'package-unusable' },
    { what: 'of a kernel', args: ['vmlinux', '--kallsyms', 'kallsyms'], code: 'not-a-livepatch' },
  ])('$what ends with 2', async ({ args, code }) => {
    const paths = args.map((arg) => (arg.startsWith('--') ? arg : at(arg)));
    const ran = await callCli(['check', ...paths, '--json']);
    expect(ran.exitCode).toBe(2);
    const document = resultSchema.parse(JSON.parse(ran.stdout));
    expect(document.findings.map((finding) => finding.code)).toEqual([code]);
  });

  it('reads what says that it has no bytes, as the files of /proc do', async () => {
    // Which of the kernels here it is, is no matter: it is read to its end.
    const ran = await callCli(['check', at('x.ko'), '--kallsyms', '/proc/kallsyms', '--json']);
    const codes = resultSchema.parse(JSON.parse(ran.stdout)).findings.map((finding) => finding.code);
    expect(codes).not.toContain('input-empty');
  });

  it('takes several modules', async () => {
    const module = toyLivepatch({ objects: [], modinfo: ['name=a', 'vermagic=other '] });
    await writeFile(at('a.ko'), writeElf(module));
    await writeFile(at('b.ko'), writeElf(module));
    const modules = ['--module', at('a.ko'), '--module', at('b.ko')];
    const ran = await callCli(['check', ...modules, at('x.ko'), '--vmlinux', at('vmlinux'), '--json']);
    const { findings } = resultSchema.parse(JSON.parse(ran.stdout));
    expect(findings.filter((finding) => finding.code === 'vermagic-differs')).toHaveLength(2);
  });
});
