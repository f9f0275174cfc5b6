import { describe, expect, it } from 'vitest';
import { renderFinding } from '../../../src/report/finding.js';
import { renderResult, shownPath } from '../../../src/report/human.js';
import { renderJson } from '../../../src/report/json.js';
import { plainStyle, styleFor } from '../../../src/report/style.js';
import { codes } from '../../../src/shared/codes.js';
import { emptyResult, type ResultDocument } from '../../../src/shared/result.js';

const verified: ResultDocument = {
  ...emptyResult('verified'),
  kernel: { release: '6.12.107', arch: 'x86_64' },
  toolchain: { compiler: 'clang 19.1.7', llvm: '19' },
  functions: [
    {
      object: 'vmlinux',
      name: 'meminfo_proc_show',
      sympos: 0,
      why: 'changed',
      because: [],
      source: { file: 'fs/proc/meminfo.c', line: 35 },
    },
    {
      object: 'ext4',
      name: 'show',
      sympos: 2,
      why: 'inlines',
      because: ['helper'],
      source: { file: 'fs/ext4/a.c' },
    },
  ],
  symbols: [{ object: 'vmlinux', name: 'si_swapinfo', sympos: 0, proof: 'only one of its name' }],
  fidelity: [{ object: 'fs/proc/meminfo.o', identical: true }],
  artifacts: [{ path: 'out/livepatch-a.ko', sha256: 'ab', size: 14_541 }],
  verification: {
    accelerator: 'tcg',
    steps: [
      { phase: 'before', name: 'test', ok: true, ms: 12, output: 'MemTotal\n' },
      { phase: 'during', name: 'test', ok: false, output: 'MEMTOTAL' },
    ],
    dmesg: ['WARNING: at x'],
    transitionMs: { first: 1200 },
    selftests: [
      { name: 'test-livepatch.sh', ok: true, skipped: false, output: '' },
      { name: 'test-sysfs.sh', ok: true, skipped: true, output: '' },
    ],
  },
  timings: { compile: 520 },
};

describe('the report of a livepatch', () => {
  const text = renderResult(verified, { style: plainStyle, again: 'klp-docker generate a.patch' });

  it.each([
    'livepatch verified for Linux 6.12.107 (x86_64), clang 19.1.7',
    'meminfo_proc_show          changed         fs/proc/meminfo.c:35',
    'show (number 2 of its name)  inlines helper  fs/ext4/a.c',
    'fs/proc/meminfo.o: recompiled unpatched, gives the code that is in the kernel',
    'out/livepatch-a.ko  14.2 KiB',
    'QEMU with TCG',
    '| MemTotal',
    'FAILED  test',
    '1 suspicious line in the kernel log',
    '| WARNING: at x',
    'transition first: 1.20 s',
    'kernel selftests: 1 passed, 0 failed, 1 skipped',
    'klp-docker generate a.patch',
  ])('says %j', (part) => {
    expect(text.replace(/ +/g, ' ')).toContain(part.replace(/ +/g, ' '));
  });

  it('has no control characters and no trailing blanks', () => {
    expect(text).not.toContain('\u001b');
    expect(text).not.toMatch(/[ \t]\n/);
  });
});

describe('the report of what is in a livepatch and why', () => {
  const source = { file: 'fs/a.c' };
  const result: ResultDocument = {
    ...verified,
    graph: {
      figures: { touched: 2, included: 2 },
      touched: [
        {
          id: 'fs/a.c:helper',
          name: 'helper',
          kind: 'function',
          source: { ...source, line: 7 },
          outcome: 'inlined',
        },
        {
          id: 'fs/a.c:off',
          name: 'off',
          kind: 'function',
          source: { ...source, line: 9 },
          outcome: 'not-built',
        },
      ],
      nodes: [
        {
          id: 'show',
          object: 'ext4',
          name: 'show',
          kind: 'function',
          why: 'inlines',
          replaces: true,
          source,
        },
        { id: 'text', object: 'ext4', name: '.str', kind: 'data', why: 'constant', replaces: false, source },
      ],
      edges: [
        { from: 'show', to: 'fs/a.c:helper', how: 'inlines' },
        { from: 'text', to: 'show', how: 'used-by' },
      ],
    },
  };
  const told = (verbose: boolean): string =>
    renderResult(result, { style: plainStyle, verbose }).replace(/ +/g, ' ');

  it('is one line', () => {
    expect(told(false)).toContain(
      '\n 2 functions touched by the patch, 2 included: 1 inlines one of them, 1 touched is not among them (--verbose)\n',
    );
    expect(told(false)).not.toContain('off');
  });

  it('is all of it with --verbose', () => {
    expect(told(true)).toContain(
      '\n helper inlined fs/a.c:7\n off this configuration does not build it fs/a.c:9\n',
    );
    expect(told(true)).toContain('\n ext4 show inlines helper\n and 1 constant of the code');
  });
});

describe('paths', () => {
  it.each([
    ['/home/a/out/x.ko', '/home/a', 'out/x.ko'],
    ['/home/b/x.ko', '/home/a', '/home/b/x.ko'],
    ['/home/a/x.ko', undefined, '/home/a/x.ko'],
  ])('%s in %s is shown as %s', (path, cwd, shown) => {
    expect(shownPath(path, cwd)).toBe(shown);
  });
});

describe('a finding', () => {
  it('says what, where, why and what next, with its code', () => {
    const finding = {
      code: 'input-empty',
      severity: 'error' as const,
      message: 'a.patch is empty',
      file: 'a.patch',
      line: 7,
      function: 'f',
    };
    const text = renderFinding(finding, plainStyle).join('\n').replace(/\s+/g, ' ');
    expect(text).toContain('error: a.patch is empty');
    expect(text).toContain('a.patch:7 in f()');
    expect(text).toContain(codes['input-empty'].meaning);
    expect(text).toContain(codes['input-empty'].advice);
    expect(text).toContain('klp-docker explain input-empty');
  });

  it('shows the end of a long output and says how much is left out', () => {
    const output = Array.from({ length: 100 }, (_, i) => `line ${i}`).join('\n');
    const text = renderFinding(
      { code: 'internal', severity: 'error', message: 'm', output },
      plainStyle,
    ).join('\n');
    expect(text).toContain('| line 99');
    expect(text).not.toContain('line 59\n');
    expect(text).toContain('60 more lines');
  });
});

describe('JSON', () => {
  it('is the whole document and can be read back', () => {
    expect(JSON.parse(renderJson(verified))).toEqual(verified);
  });

  it('is refused when it does not fit the schema', () => {
    expect(() => renderJson({ ...verified, extra: 1 } as ResultDocument)).toThrow();
  });
});

describe('colours', () => {
  it.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { NO_COLOR: '' }, true],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
    [{}, {}, false],
  ])('on %j with %j: %s', (stream, env, coloured) => {
    expect(styleFor(stream, env).red('x') !== 'x').toBe(coloured);
  });
});

describe('a command that failed', () => {
  const command = `clang-19 ${'-Wno-something '.repeat(40)}-c -o fs/a.o fs/a.c`;
  const shown = (whole?: boolean): string =>
    renderFinding(
      { code: 'does-not-compile', severity: 'error', message: 'no', command },
      plainStyle,
      whole,
    ).join('\n');

  it('is shown by its beginning and its end when it is long', () => {
    expect(shown()).toMatch(
      /ran {3}clang-19 (-Wno-something )+… (-Wno-something )+-c -o fs\/a\.o fs\/a\.c$/m,
    );
    expect(shown()).toContain('--verbose');
    expect(shown()).not.toContain(command);
  });

  it('is shown whole when asked for, and in JSON', () => {
    expect(shown(true)).toContain(command);
    const result = {
      ...emptyResult('error'),
      findings: [{ code: 'x', severity: 'error' as const, message: '', command }],
    };
    expect(renderJson(result)).toContain(command);
    expect(renderResult(result, { style: plainStyle, verbose: true })).toContain(command);
    expect(renderResult(result, { style: plainStyle })).not.toContain(command);
  });
});
