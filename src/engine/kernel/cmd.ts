import { basename, dirname, join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import { withoutWrapper } from './compiler.js';
import { splitCommands } from './shell-words.js';

/** A `.X.o.cmd` file: how Kbuild made X.o and what that read. */
export interface CmdFile {
  /** Path of the .cmd file, for messages. */
  path: string;
  /** The target as written, relative to the folder the build ran in. */
  target: string;
  /** The recorded shell command, Make's quoting undone. */
  command: string;
  /** What was compiled, as written; absent for links and archives. */
  source?: string;
  /** Files that were read, as written, without the source. */
  dependencies: string[];
  /** Options (without `CONFIG_`) that a change of would rebuild the target. */
  configs: string[];
}

/** `fs/proc/meminfo.o` to `fs/proc/.meminfo.o.cmd`. */
export function cmdPathOf(object: string): string {
  return join(dirname(object), `.${basename(object)}.cmd`);
}

/** The parts of a recorded command that compiles one file. */
export interface RecordedCompilation {
  compile: string[];
  /** objtool's own arguments without the object, if it ran on this object alone. */
  objtool?: string[];
  /** Other programs that the build ran on the object. */
  others: string[][];
}

/**
 * Reads a .cmd file (`cmd_X :=` before Linux 6.2, `savedcmd_X :=` since).
 * @throws KlpError `cmd-file-unusable`
 */
export function parseCmdFile(path: string, text: string): CmdFile {
  const variable = /^(?:saved)?cmd_(\S+) :=[ \t]*(.*)$/m.exec(text);
  const [, target, value] = variable ?? [];
  if (target === undefined || value === undefined) throw unusable(path, 'it records no command');
  const source = variableOf(text, `source_${target}`)?.trim();
  const inputs = (variableOf(text, `deps_${target}`) ?? '').match(/\$\(wildcard [^)]*\)|\S+/g) ?? [];
  const isConfig = (word: string): boolean => word.startsWith('$(wildcard ');
  return {
    path,
    target,
    command: undoMake(path, value),
    ...(source ? { source: undoMake(path, source) } : {}),
    dependencies: inputs.filter((word) => !isConfig(word)).map((word) => undoMake(path, word)),
    configs: inputs.filter(isConfig).map(configName),
  };
}

/** A Make variable's value, continuation lines joined; undefined when it is not set. */
function variableOf(text: string, name: string): string | undefined {
  const head = `\n${name} :=`;
  const at = text.indexOf(head);
  if (at < 0) return undefined;
  const lines: string[] = [];
  let from = at + head.length;
  for (;;) {
    const end = text.indexOf('\n', from);
    const line = text.slice(from, end < 0 ? text.length : end);
    const more = line.endsWith('\\');
    lines.push(more ? line.slice(0, -1) : line);
    if (!more || end < 0) return lines.join(' ');
    from = end + 1;
  }
}

/** `$(wildcard include/config/FOO)`, or before 5.13 `include/config/foo/bar.h`. */
function configName(word: string): string {
  const path = word.slice('$(wildcard '.length, -1).replace(/^.*include\/config\//, '');
  return path.endsWith('.h') ? path.slice(0, -2).replaceAll('/', '_').toUpperCase() : path;
}

/** Undoes what Kbuild escapes when it writes a command as a Make variable. */
function undoMake(path: string, value: string): string {
  return value.replace(/\$(\$|\(pound\)|.|$)/g, (all, what: string) => {
    if (what === '$') return '$';
    if (what === '(pound)') return '#';
    throw unusable(
      path,
      `an unknown Make expression at \`${value.slice(value.indexOf(all), value.indexOf(all) + 20)}\``,
    );
  });
}

const wordsThatDoNothing = new Set([':', 'true']);

/** How far a compiler goes, by the name of what it makes. */
const steps = [
  ['.s', '-S'],
  ['.lds', '-E'],
] as const;

/**
 * Takes the command of a compilation apart; nothing is ever run through a shell.
 * @throws KlpError `cmd-file-unusable` when it is not a compilation of `source` to `target`
 */
export function recordedCompilation(cmd: CmdFile): RecordedCompilation {
  const refuse = (why: string): KlpError => unusable(cmd.path, why, cmd.command);
  const commands = splitCommands(cmd.command, (why) => refuse(why)).filter(
    ([program]) => !wordsThatDoNothing.has(program ?? ''),
  );
  const compile = withoutWrapper(commands[0] ?? []);
  if (cmd.source === undefined) throw refuse('it does not compile a source file');
  const output = compile.indexOf('-o');
  const step = steps.find(([end]) => cmd.target.endsWith(end))?.[1] ?? '-c';
  if (!compile.includes(step) || output < 0 || compile[output + 1] !== cmd.target) {
    throw refuse(`its first program does not compile (${step}) to ${cmd.target}`);
  }
  if (compile.at(-1) !== cmd.source) throw refuse(`its first program does not read ${cmd.source} last`);
  const others: string[][] = [];
  let objtool: string[] | undefined;
  for (const argv of commands.slice(1)) {
    const program = argv[0]?.split('/').at(-1);
    if (program !== 'objtool' || objtool) others.push(argv);
    else if (argv.at(-1) === cmd.target) objtool = argv.slice(0, -1);
    else throw refuse(`objtool runs on ${argv.at(-1)} instead of ${cmd.target}`);
  }
  return { compile, others, ...(objtool ? { objtool } : {}) };
}

function unusable(path: string, why: string, command?: string): KlpError {
  return new KlpError('cmd-file-unusable', `${path} cannot be used: ${why}`, {
    file: path,
    ...(command === undefined ? {} : { command }),
  });
}
