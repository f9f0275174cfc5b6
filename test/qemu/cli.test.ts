import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resultSchema } from '../../src/shared/result.js';
import { spawnCli, startCli, textOf } from '../helpers/cli.js';
import { nameOf, optionsFor, pinned, pinnedKernels } from '../setup/engine.js';

const kernel = optionsFor(pinned);
const example = 'examples/proc-meminfo/proc-meminfo.patch';
const script = 'examples/proc-meminfo/test.sh';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-cli-qemu-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** The processes whose parent is `pid`. */
async function childrenOf(pid: number | undefined): Promise<string[]> {
  const found: string[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const status = await readFile(join('/proc', name, 'status'), 'utf8').catch(() => '');
    if (new RegExp(`^PPid:\\t${pid}$`, 'm').test(status)) found.push(name);
  }
  return found;
}

describe('generate --verify', () => {
  it('ends in `verified` and writes that down beside the module', async () => {
    const out = join(dir, 'good');
    const ran = await spawnCli([
      'generate',
      example,
      ...kernel,
      '-o',
      out,
      '--verify',
      '--test',
      script,
      '--json',
    ]);
    const document = resultSchema.parse(JSON.parse(ran.stdout));
    expect(document.status).toBe('verified');
    expect(ran.exitCode).toBe(0);
    const output = (name: string) => document.verification?.steps.find((step) => step.name === name)?.output;
    expect(output('test-before')).toContain('no line "Livepatched"');
    expect(output('test-during')).toMatch(/Livepatched:\s+yes/);
    expect(output('test-after')).toContain('no line "Livepatched"');
    const written = await readFile(join(out, 'livepatch-proc-meminfo.json'), 'utf8');
    // The file is written before the command's own time is known.
    expect(JSON.parse(written)).toEqual({ ...document, timings: expect.anything() as unknown });
    expect(await readFile(join(out, 'livepatch-proc-meminfo.boot.log'), 'utf8')).toContain('Linux version');
  });

  it('ends with 6 when the test script says no, and shows what it printed', async () => {
    const no = join(dir, 'no.sh');
    await writeFile(no, 'echo "looked $1"; [ "$1" != during ]\n');
    const ran = await spawnCli([
      'generate',
      example,
      ...kernel,
      '-o',
      join(dir, 'bad'),
      '--verify',
      '--test',
      no,
    ]);
    expect(ran.exitCode).toBe(6);
    expect(ran.stderr).toContain('looked during');
    expect(ran.stderr).toContain('FAILED');
  });
});

/**
 * A test script for the guest, where `module` is loaded: before the livepatch is verified, the package's own script applies
 * and reverts it, with the module and without.
 */
async function applyingItself(archive: string, module: string): Promise<string> {
  const name = basename(archive, '.tgz');
  execFileSync('tar', ['-xzf', archive, '-C', dir]);
  const path = join(dir, 'applies.sh');
  const text = `[ "$1" = before ] || exit 0
mkdir -p /tmp/package && cd /tmp/package || exit 1
cat > livepatch <<'END OF LIVEPATCH'
${await readFile(join(dir, name, 'livepatch'), 'utf8')}
END OF LIVEPATCH
cp /klp/cases/*/livepatch.ko ${name}.ko
sed "s/^kernel_build_id='......../kernel_build_id='00000000/" livepatch > other-build
sh other-build apply
[ $? = 3 ] || exit 1
for verb in apply check revert; do sh livepatch $verb || exit 1; done
rmmod ${module} && sh livepatch apply || exit 1
modprobe ${module} && sh livepatch check && sh livepatch revert
`;
  await writeFile(path, text);
  return path;
}

const ofLivepatch = (text: string): string => `livepatch_ext4_feature: ${text}`;

describe('verify', () => {
  it.each(pinnedKernels.map((one) => [nameOf(one), one] as const))(
    'takes the package that generate made for %s, which applies itself to its kernel alone',
    async (name, tested) => {
      const out = join(dir, name);
      const patch = 'examples/ext4-feature/ext4-feature.patch';
      expect((await spawnCli(['generate', patch, ...optionsFor(tested), '-o', out])).exitCode).toBe(0);
      const archive = join(out, 'livepatch-ext4-feature.tgz');
      const ran = await spawnCli([
        ...['verify', archive, ...optionsFor(tested)],
        ...['--test', await applyingItself(archive, 'ext4'), '--module-load', 'before', '--json'],
      ]);
      const document = resultSchema.parse(JSON.parse(ran.stdout));
      expect({ exitCode: ran.exitCode, status: document.status }).toEqual({
        exitCode: 0,
        status: 'verified',
      });
      const said = document.verification?.steps.find((step) => step.name === 'test-before')?.output ?? '';
      expect(said.trim().split('\n')).toEqual([
        expect.stringContaining('made for another build of kernel'),
        ...['applied', 'applied, and the one of this package', 'reverted'].map(ofLivepatch),
        expect.stringContaining('not compared: module ext4'),
        ...['applied', 'applied, and the one of this package', 'reverted'].map(ofLivepatch),
      ]);
      expect(await readdir(out)).toContain('livepatch-ext4-feature.boot.log');
    },
  );
});

describe('Ctrl-C while the guest runs', () => {
  it('ends with 130, and QEMU is gone', async () => {
    const slow = join(dir, 'slow.sh');
    await writeFile(slow, 'echo running; sleep 600\n');
    const out = join(dir, 'interrupted');
    const child = startCli([
      'generate',
      example,
      ...kernel,
      '-o',
      out,
      '--verify',
      '--test',
      slow,
      '--verbose',
    ]);
    let guests: string[] = [];
    const told = textOf(child, /start boot/, () => {
      void (async () => {
        while (guests.length === 0 && child.exitCode === null) guests = await childrenOf(child.pid);
        child.kill('SIGINT');
      })();
    });
    expect((await told).exitCode).toBe(130);
    expect(guests).not.toEqual([]);
    for (const pid of guests) expect(existsSync(join('/proc', pid)), `process ${pid}`).toBe(false);
  });
});
