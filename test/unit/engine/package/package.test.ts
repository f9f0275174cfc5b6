import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createPackage } from '../../../../src/engine/package/package.js';
import { emptyResult } from '../../../../src/shared/result.js';
import { moduleFile } from '../../../helpers/module-file.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'klp-package-test-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const buildId = '0a1b2c3d'.repeat(5);

async function pack(out = 'out', build = [`klp_build_id=${buildId}`]): Promise<string> {
  const ko = join(dir, 'livepatch-a-b.ko');
  const modinfo = ['name=livepatch_a_b', 'vermagic=6.12.107 SMP mod_unload ', 'livepatch=Y', ...build];
  writeFileSync(ko, moduleFile(modinfo));
  mkdirSync(join(dir, out), { recursive: true });
  return await createPackage({
    ko,
    name: 'a-b',
    result: {
      ...emptyResult('livepatch'),
      kernel: { release: '6.12.107', arch: 'x86_64' },
      functions: [
        {
          object: 'ext4',
          name: 'f',
          sympos: 0,
          why: 'changed',
          because: [],
          source: { file: 'fs/ext4/super.c' },
        },
      ],
      timings: { total: Math.round(performance.now()) },
    },
    patches: [
      { name: 'sub/odd name.patch', text: 'first\n' },
      { name: '../../odd name.patch', text: 'second\n' },
    ],
    outDir: join(dir, out),
  });
}

async function unpack(archive?: string): Promise<string> {
  const to = join(dir, 'unpacked');
  mkdirSync(to, { recursive: true });
  execFileSync('tar', ['-xzf', archive ?? (await pack()), '-C', to]);
  return join(to, 'livepatch-a-b');
}

describe('createPackage', () => {
  it('gives the same bytes for the same livepatch', async () => {
    const [a, b] = [await pack('one'), await pack('two')];
    expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
  });

  it('holds the module, a manifest that describes it, and the patches in their order', async () => {
    const root = await unpack();
    const manifest = JSON.parse(readFileSync(join(root, 'livepatch-a-b.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    const sum = execFileSync('sha256sum', [join(root, 'livepatch-a-b.ko')], { encoding: 'utf8' }).split(
      ' ',
    )[0];
    expect(manifest).toMatchObject({
      module: 'livepatch_a_b',
      release: '6.12.107',
      sha256: sum,
      functions: [{ object: 'ext4', name: 'f' }],
      patches: ['patches/0001-odd_name.patch', 'patches/0002-odd_name.patch'],
    });
    expect(readFileSync(join(root, 'patches/0002-odd_name.patch'), 'utf8')).toBe('second\n');
  });
});

/** A script among the commands that the package's script finds first. */
function command(name: string, body: string): void {
  const path = join(dir, 'bin', name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
}

/** Notes as the kernel shows them: the build id stands behind another one. */
function notes(id: string): Uint8Array {
  const note = (type: number, name: string, content: Buffer): Buffer => {
    const head = Buffer.alloc(12);
    [name.length, content.length, type].forEach((value, i) => head.writeUInt32LE(value, i * 4));
    return Buffer.concat([head, Buffer.from(name.padEnd(Math.ceil(name.length / 4) * 4, '\0')), content]);
  };
  return Buffer.concat([note(256, 'Linux\0', Buffer.alloc(4)), note(3, 'GNU\0', Buffer.from(id, 'hex'))]);
}

describe("the package's script", () => {
  let root: string;
  let sys: string;
  let proc: string;

  /** Runs it with a sysfs of our own, where insmod, rmmod and (once for each second that is waited) sleep do the kernel's part. */
  function livepatch(verb: string, script = join(root, 'livepatch')) {
    const ran = spawnSync('sh', [script, verb], {
      encoding: 'utf8',
      env: {
        PATH: `${join(dir, 'bin')}:${process.env.PATH}`,
        LIVEPATCH_SYS: sys,
        LIVEPATCH_PROC: proc,
        LIVEPATCH_TIMEOUT: '5',
      },
    });
    return { code: ran.status, text: ran.stdout + ran.stderr };
  }

  beforeEach(async () => {
    root = await unpack();
    sys = join(dir, 'sys');
    proc = join(dir, 'proc');
    mkdirSync(join(dir, 'bin'));
    mkdirSync(join(sys, 'module'), { recursive: true });
    mkdirSync(join(sys, 'kernel'));
    writeFileSync(join(sys, 'kernel/notes'), notes(buildId));
    const patch = `${sys}/kernel/livepatch/livepatch_a_b`;
    command('id', 'echo 0');
    command('uname', 'echo 6.12.107');
    command(
      'insmod',
      `mkdir -p ${patch} ${sys}/module/livepatch_a_b; echo 1 > ${patch}/enabled; echo 1 > ${patch}/transition`,
    );
    command('rmmod', `[ ! -d ${patch} ] && rm -r ${sys}/module/livepatch_a_b`);
    command(
      'sleep',
      `if [ "$(cat ${patch}/enabled)" = 0 ]; then rm -r ${patch}; else echo 0 > ${patch}/transition; fi`,
    );
  });

  it('applies, says so, and reverts', () => {
    expect(livepatch('check').code).toBe(4);
    expect(livepatch('apply')).toEqual({ code: 0, text: 'livepatch_a_b: applied\n' });
    expect(livepatch('check').code).toBe(0);
    expect(livepatch('status').text).toContain('enabled: 1, transition: 0');
    expect(livepatch('apply').code).toBe(0);
    expect(livepatch('revert')).toEqual({ code: 0, text: 'livepatch_a_b: reverted\n' });
    expect(existsSync(join(sys, 'module/livepatch_a_b'))).toBe(false);
    expect(livepatch('revert').code).toBe(0);
  });

  it('finds its module when it is run through a symbolic link', () => {
    const link = join(dir, 'link');
    symlinkSync(join(root, 'livepatch'), link);
    expect(livepatch('apply', link)).toEqual({ code: 0, text: 'livepatch_a_b: applied\n' });
  });

  it('says that its module is not there', () => {
    rmSync(join(root, 'livepatch-a-b.ko'));
    const text = expect.stringContaining('livepatch-a-b.ko is not beside this script') as string;
    expect(livepatch('apply')).toEqual({ code: 3, text });
    expect(livepatch('check')).toEqual({ code: 1, text });
  });

  it('refuses another kernel than the one it was made for', () => {
    command('uname', 'echo 6.12.108');
    expect(livepatch('apply')).toMatchObject({
      code: 3,
      text: expect.stringContaining('made for kernel 6.12.107') as string,
    });
    expect(existsSync(join(sys, 'module/livepatch_a_b'))).toBe(false);
  });

  it('refuses another build of the kernel of the same release', () => {
    expect(livepatch('apply').code).toBe(0);
    const other = buildId.replace('0', 'f');
    writeFileSync(join(sys, 'kernel/notes'), notes(other));
    const refusal = expect.stringMatching(`made for another build.*${buildId}.*${other}`) as string;
    expect(livepatch('check')).toEqual({ code: 3, text: refusal });
    livepatch('revert');
    expect(livepatch('apply')).toEqual({ code: 3, text: refusal });
    expect(existsSync(join(sys, 'module/livepatch_a_b'))).toBe(false);
    // That it is not loaded is not what keeps it from being applied.
    expect(livepatch('check')).toEqual({ code: 3, text: refusal });
  });

  describe('of a livepatch of a module', () => {
    const note = (): string => join(sys, 'module/ext4/notes/.note.gnu.build-id');
    const moduleBuildId = '4d'.repeat(20);
    const load = (id: string): void => {
      mkdirSync(join(sys, 'module/ext4/notes'), { recursive: true });
      writeFileSync(note(), notes(id));
    };
    beforeEach(async () => {
      const build = [`klp_build_id=${buildId}`, `klp_module_build_id=ext4:${moduleBuildId}`];
      root = await unpack(await pack('of-module', build));
    });

    it('takes the build that it was made for without a word', () => {
      load(moduleBuildId);
      expect(livepatch('apply')).toEqual({ code: 0, text: 'livepatch_a_b: applied\n' });
      expect(livepatch('check').code).toBe(0);
    });

    it('says that a module which is not loaded yet was not compared, and compares it later', () => {
      const told = expect.stringMatching(
        /not compared: module ext4, which is not loaded[^]*applied/,
      ) as string;
      expect(livepatch('apply')).toEqual({ code: 0, text: told });
      load('4e'.repeat(20));
      expect(livepatch('check').code).toBe(3);
    });

    it.each([
      { what: 'another build', id: '4e'.repeat(20), says: 'another build of module ext4' },
      { what: 'one that tells no build', id: '', says: 'cannot read the build id of module ext4' },
    ])('refuses $what', ({ id, says }) => {
      load(id);
      expect(livepatch('apply')).toEqual({ code: 3, text: expect.stringContaining(says) as string });
      expect(existsSync(join(sys, 'module/livepatch_a_b'))).toBe(false);
    });
  });

  it.each([
    { what: 'shows no notes', hide: () => rmSync(join(sys, 'kernel/notes')) },
    { what: 'has no build id', hide: () => writeFileSync(join(sys, 'kernel/notes'), notes('')) },
    { what: 'has no od', hide: () => command('od', 'exit 127') },
  ])('refuses a kernel whose build it cannot tell: one that $what', ({ hide }) => {
    hide();
    expect(livepatch('apply')).toMatchObject({
      code: 3,
      text: expect.stringContaining('klp-docker check') as string,
    });
    expect(existsSync(join(sys, 'module/livepatch_a_b'))).toBe(false);
  });

  it('says that nothing was compared when the kernel that it was made for has no build id', async () => {
    root = await unpack(await pack('unknown', []));
    expect(livepatch('apply')).toMatchObject({
      code: 0,
      text: expect.stringContaining('not compared') as string,
    });
  });

  it('refuses a module that is not the one that was packed', () => {
    writeFileSync(join(root, 'livepatch-a-b.ko'), 'another');
    expect(livepatch('apply').code).toBe(3);
    expect(livepatch('check').code).toBe(1);
  });

  it('says when the kernel does not load it', () => {
    command('insmod', 'exit 1');
    expect(livepatch('apply')).toMatchObject({ code: 1, text: expect.stringContaining('dmesg') as string });
  });

  it('gives up on a transition that does not end', () => {
    command('sleep', ':');
    expect(livepatch('apply')).toMatchObject({
      code: 1,
      text: expect.stringContaining('not over after 5 s') as string,
    });
    expect(livepatch('check').code).toBe(4);
  });

  it('names the tasks that hold a transition up, also threads of a process that do not lead it', () => {
    for (const [task, state] of [
      ['7/task/7', 1],
      ['7/task/8', 0],
      ['9/task/9', 1],
    ] as const) {
      mkdirSync(join(proc, task), { recursive: true });
      writeFileSync(join(proc, task, 'patch_state'), `${state}\n`);
      writeFileSync(join(proc, task, 'comm'), 'worker\n');
    }
    command('sleep', ':');
    const held = livepatch('apply').text.match(/held up by .*/g);
    expect(held).toEqual(['held up by task 8 (worker)']);
  });

  it('needs root to change anything', () => {
    command('id', 'echo 1000');
    expect(livepatch('apply').code).toBe(3);
    expect(livepatch('revert').code).toBe(3);
    expect(livepatch('status').code).toBe(0);
  });

  it('explains itself', () => {
    expect(livepatch('nonsense')).toMatchObject({
      code: 2,
      text: expect.stringContaining('apply|check|revert|status') as string,
    });
  });
});
