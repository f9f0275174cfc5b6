import { describe, expect, it } from 'vitest';
import { cmdPathOf, parseCmdFile, recordedCompilation } from '../../../../src/engine/kernel/cmd.js';

const record = (command: string, name = 'savedcmd_'): string =>
  `${name}a/b.o := ${command}\n\nsource_a/b.o := a/b.c\n\ndeps_a/b.o := \\\n    $(wildcard include/config/SMP) \\\n    $(wildcard include/config/foo/bar.h) \\\n  include/linux/x.h \\\n  a/../c.h \\\n\na/b.o: $(deps_a/b.o)\n\n$(deps_a/b.o):\n`;
const compilation = (command: string) => recordedCompilation(parseCmdFile('a/.b.o.cmd', record(command)));

describe('parseCmdFile', () => {
  it.each(['savedcmd_', 'cmd_'])('reads target, source, dependencies and options from %s', (name) => {
    expect(parseCmdFile('a/.b.o.cmd', record('clang -c -o a/b.o a/b.c', name))).toEqual({
      path: 'a/.b.o.cmd',
      target: 'a/b.o',
      command: 'clang -c -o a/b.o a/b.c',
      source: 'a/b.c',
      dependencies: ['include/linux/x.h', 'a/../c.h'],
      configs: ['SMP', 'FOO_BAR'],
    });
  });

  it('undoes the quoting of Make', () => {
    expect(parseCmdFile('f', `cmd_x.s := cc '-DA=$(pound)$$x'\n`).command).toBe(`cc '-DA=#$x'`);
  });

  it('has no source for what was linked', () => {
    expect(parseCmdFile('f', 'savedcmd_x.a := ar x.a $$(ls)\n')).toMatchObject({
      dependencies: [],
      configs: [],
    });
    expect(parseCmdFile('f', 'savedcmd_x.a := ar x.a\n').source).toBeUndefined();
  });

  it('refuses a file without a command and unknown Make expressions', () => {
    expect(() => parseCmdFile('f', 'nothing\n')).toThrow(/records no command/);
    expect(() => parseCmdFile('f', 'cmd_x := cc $(shell date)\n')).toThrow(
      /unknown Make expression at `\$\(shell/,
    );
  });
});

describe('recordedCompilation', () => {
  it('undoes the quoting of the shell', () => {
    const command = `clang  -DKBUILD_MODNAME='"proc"' "-DB=\\"b c\\" \\x" -DC=\\"c\\ d\\" -DE='' -c -o a/b.o a/b.c  `;
    expect(compilation(command)).toEqual({
      compile: [
        'clang',
        '-DKBUILD_MODNAME="proc"',
        '-DB="b c" \\x',
        '-DC="c d"',
        '-DE=',
        '-c',
        '-o',
        'a/b.o',
        'a/b.c',
      ],
      others: [],
    });
  });

  it('keeps an empty argument', () => {
    expect(compilation(`clang '' -c -o a/b.o a/b.c`).compile[1]).toBe('');
  });

  it.each([';', '&&'])('tells objtool from the compiler after %s, without the object', (joint) => {
    const command = `clang -c -o a/b.o a/b.c ${joint} ./tools/objtool/objtool --orc --link a/b.o`;
    expect(compilation(command)).toMatchObject({
      compile: ['clang', '-c', '-o', 'a/b.o', 'a/b.c'],
      objtool: ['./tools/objtool/objtool', '--orc', '--link'],
      others: [],
    });
  });

  it('names the other programs', () => {
    const command =
      'clang -c -o a/b.o a/b.c; ./scripts/recordmcount a/b.o ; : ; objtool --orc a/b.o; ld -r -o c a/b.o;';
    expect(compilation(command)).toMatchObject({
      objtool: ['objtool', '--orc'],
      others: [
        ['./scripts/recordmcount', 'a/b.o'],
        ['ld', '-r', '-o', 'c', 'a/b.o'],
      ],
    });
  });

  it.each([
    ['a pipe', 'clang -c -o a/b.o a/b.c | cat', /shell construct `\| cat/],
    ['or', 'clang -c -o a/b.o a/b.c || true', /shell construct/],
    ['redirection', 'clang -c -o a/b.o a/b.c > log', /shell construct/],
    ['background', 'clang -c -o a/b.o a/b.c & true', /shell construct/],
    ['substitution', 'clang $$(cat flags) -c -o a/b.o a/b.c', /shell construct/],
    ['substitution in quotes', 'clang "`cat flags`" -c -o a/b.o a/b.c', /shell expansion/],
    ['a variable', 'clang "-I$$HOME" -c -o a/b.o a/b.c', /shell expansion/],
    ['a pattern', 'clang -c -o a/b.o a/*.c', /shell construct/],
    ['a subshell', '( clang -c -o a/b.o a/b.c )', /shell construct/],
    ['a keyword', 'if true; then clang -c -o a/b.o a/b.c; fi', /shell keyword `if`/],
    ['an assignment', 'LC_ALL=C clang -c -o a/b.o a/b.c', /variable assignment/],
    ['an open quote', "clang 'x -c -o a/b.o a/b.c", /never closed/],
    ['an open double quote', 'clang "x -c -o a/b.o a/b.c', /never closed/],
  ])('refuses %s', (_, command, message) => {
    expect(() => compilation(command)).toThrow(message);
  });

  it.each([
    ['another output', 'clang -c -o a/c.o a/b.c', /does not compile \(-c\) to a\/b\.o/],
    ['another source', 'clang -c -o a/b.o a/c.c', /does not read a\/b\.c/],
    ['a source before other arguments', 'clang -c -o a/b.o a/b.c -DX', /does not read a\/b\.c last/],
    ['no compilation', 'ld -r -o a/b.o a/c.o', /does not compile/],
    ['objtool on another object', 'clang -c -o a/b.o a/b.c; objtool --orc a/c.o', /runs on a\/c\.o/],
  ])('refuses %s', (_, command, message) => {
    expect(() => compilation(command)).toThrow(message);
  });
});

it('names the record of an object', () => {
  expect(cmdPathOf('fs/proc/meminfo.o')).toBe('fs/proc/.meminfo.o.cmd');
  expect(cmdPathOf('vmlinux.o')).toBe('.vmlinux.o.cmd');
});
