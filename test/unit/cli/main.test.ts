import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resultSchema } from '../../../src/shared/result.js';
import { callCli, spawnCli, startCli, textOf } from '../../helpers/cli.js';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'klp-cli-test-'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

describe('the program as a process', () => {
  it('shows help on stdout with every exit code, and ends with 0', async () => {
    const ran = await spawnCli(['--help']);
    expect(ran.exitCode).toBe(0);
    for (const code of ['0', '1', '2', '3', '4', '5', '6']) {
      expect(ran.stdout).toMatch(new RegExp(`^ {2}${code} {2}`, 'm'));
    }
    expect(ran.stdout).toContain('130');
    expect(ran.stderr).toBe('');
  });

  it('prints its version', async () => {
    const manifest = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    const ran = await spawnCli(['--version']);
    expect(ran).toEqual({ exitCode: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it('ends with 2 and a document on stdout alone when --json is given with a bad command line', async () => {
    const ran = await spawnCli(['explain', 'input-empty', '--no-such-option', '--json']);
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toBe('');
    const document = resultSchema.parse(JSON.parse(ran.stdout));
    expect(document.status).toBe('error');
    expect(document.findings[0]).toMatchObject({ code: 'usage', severity: 'error' });
    expect(document.findings[0]?.message).toContain('--no-such-option');
  });

  it('keeps its exit code when the reader of its output goes away', async () => {
    const child = startCli(['explain']);
    child.stdout?.destroy();
    const { exitCode, stderr } = await textOf(child, /$^/, () => undefined);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });
});

it('a patch with nothing in it is nothing to patch, and needs no image', async () => {
  const path = join(dir, 'empty.patch');
  await writeFile(path, '\n');
  const ran = await callCli(['generate', path, '--kernel', '6.12.107', '--arch', 'x86_64', '--json']);
  expect(ran.exitCode).toBe(4);
  expect(JSON.parse(ran.stdout)).toMatchObject({
    status: 'nothing-to-patch',
    findings: [{ code: 'nothing-to-patch', severity: 'error' }],
  });
});

describe('usage errors', () => {
  it.each([
    { args: [], says: 'No command' },
    { args: ['frobnicate'], says: "Unknown command 'frobnicate'" },
    { args: ['completion'], says: 'shell' },
    { args: ['completion', 'tcsh'], says: 'tcsh' },
    { args: ['explain', 'no-such-code'], says: 'no-such-code' },
    { args: ['explain', '--log'], says: '--log' },
  ])('$args ends with 2 and says why on stderr', async ({ args, says }) => {
    const ran = await callCli(args);
    expect(ran.exitCode).toBe(2);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).toContain(says);
    expect(ran.stderr).toContain('klp-docker explain usage');
  });

  it('show nothing but the error with --quiet', async () => {
    const { stderr } = await callCli(['generate', 'fix.patch', '--timeout', 'abc', '--quiet']);
    expect(stderr).toMatch(/^error: /);
  });

  it('suggests the command that was meant', async () => {
    expect((await callCli(['explian'])).stderr).toContain('explain');
  });
});

describe('every verb', () => {
  it('has the common options and an example in its help', async () => {
    const help = (await callCli(['--help'])).stdout;
    const verbs = [...help.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map((match) => match[1] ?? '');
    expect(verbs).toContain('explain');
    for (const verb of verbs) {
      const text = (await callCli([verb, '--help'])).stdout;
      for (const part of ['--json', '--log', '--quiet', '--verbose', 'Example:\n']) {
        expect(text, verb).toContain(part);
      }
    }
  });
});

describe('explain', () => {
  it('tells the title, meaning and advice of a code', async () => {
    const ran = await callCli(['explain', 'input-empty']);
    expect(ran.exitCode).toBe(0);
    expect(ran.stdout).toContain('A file named on the command line is empty');
    expect(ran.stdout).toContain('exit code 2');
    expect(ran.stdout).toContain('What to do');
  });

  it('lists all codes as a document', async () => {
    const ran = await callCli(['explain', '--json']);
    const document = resultSchema.parse(JSON.parse(ran.stdout));
    expect(document.status).toBe('ok');
    expect(document.codes?.map((entry) => entry.code)).toContain('interrupted');
  });
});

describe('--log', () => {
  it('holds the command line, the document and the exit code', async () => {
    const log = join(dir, 'deep', 'run.log');
    await callCli(['explain', 'usage', '--log', log]);
    const written = await readFile(log, 'utf8');
    expect(written).toContain(`klp-docker explain usage --log ${log}`);
    expect(written).toContain('"status":"ok"');
    expect(written).toContain('exit code 0');
  });

  it('that cannot be written is an error of the environment', async () => {
    const ran = await callCli(['explain', 'usage', '--json', '--log', '/proc/no/such.log']);
    expect(ran.exitCode).toBe(5);
    expect(resultSchema.parse(JSON.parse(ran.stdout)).findings[0]?.code).toBe('output-not-writable');
  });
});

describe('completion', () => {
  it('for bash is a script that bash accepts and that completes commands and options', async () => {
    const { stdout } = await callCli(['completion', 'bash']);
    const complete = (words: string[]): string[] => {
      const line = words.map((word) => `'${word}'`).join(' ');
      const script = `${stdout}\ncompopt() { :; }\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _klp_docker; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
    };
    expect(complete(['klp-docker', 'expl'])).toEqual(['explain']);
    expect(complete(['klp-docker', 'explain', '--ver'])).toEqual(['--verbose']);
  });

  it.each(['zsh', 'fish'])('for %s names every command', async (shell) => {
    const { stdout, exitCode } = await callCli(['completion', shell]);
    expect(exitCode).toBe(0);
    for (const verb of ['explain', 'completion']) expect(stdout).toContain(verb);
    expect(stdout).toContain('verbose');
  });
});
