import { Command, CommanderError } from 'commander';
import { KlpError } from '../shared/errors.js';
import { registerBuild } from './build.js';
import { registerCheck } from './check.js';
import { registerCompletion } from './completion.js';
import { registerDoctor } from './doctor.js';
import { registerExplain } from './explain.js';
import { registerGenerate } from './generate.js';
import { registerImages } from './images.js';
import { listenForInterrupt } from './interrupt.js';
import { flushed, ignoreClosedPipe, reportLostOutput, type Io } from './io.js';
import { showEarlyError } from './session.js';
import { registerShell } from './shell.js';
import { registerSurvey } from './survey.js';
import type { Cli } from './verb.js';
import { registerVerify } from './verify.js';
import { version } from './version.js';

const exitCodesHelp = `
Exit codes:
  0  done
  2  the command line or an input file cannot be used
  3  refused: this patch cannot be livepatched safely
  4  nothing to patch
  5  the environment: Docker, mirror, disk or QEMU
  6  verification failed
  1  a defect in klp-docker; 130 interrupted

Example:
  klp-docker generate fix.patch --kernel 6.12.107 --arch x86_64 --verify
`;

/** The command line with all its verbs, bound to the given streams. */
export function createProgram(cli: Cli): Command {
  const program = new Command('klp-docker');
  program
    .description('Turns a source patch into a Linux kernel livepatch and proves it by booting it.')
    .version(version(), '-V, --version')
    .addHelpText('after', exitCodesHelp)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void cli.io.stdout.write(text),
      // Usage errors are shown in our own form, from the exception.
      writeErr: () => undefined,
    });
  registerBuild(program, cli);
  registerGenerate(program, cli);
  registerVerify(program, cli);
  registerSurvey(program, cli);
  registerCheck(program, cli);
  registerImages(program, cli);
  registerDoctor(program, cli);
  registerExplain(program, cli);
  registerShell(program, cli);
  registerCompletion(program, cli);
  return program;
}

/** Runs one command line. Never throws; returns the exit code. */
export async function runCli(io: Io): Promise<number> {
  const cli: Cli = { io, exitCode: 0 };
  const program = createProgram(cli);
  if (io.args.length === 0) {
    io.stderr.write(program.helpInformation());
    return showEarlyError(io, new KlpError('usage', 'No command was given'));
  }
  try {
    await program.parseAsync([...io.args], { from: 'user' });
    return cli.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0;
    return showEarlyError(io, thrown instanceof CommanderError ? usageError(thrown, io.args) : thrown);
  }
}

/** Commander's own complaint in the words and with the exit code of all our errors. */
function usageError(error: CommanderError, args: readonly string[]): KlpError {
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const verb = args.find((arg) => !arg.startsWith('-'));
  const known = verb !== undefined && error.code !== 'commander.unknownCommand';
  const hint = rest.join(' ').replace(/^\(|\)$/g, '');
  return new KlpError('usage', first.charAt(0).toUpperCase() + first.slice(1), {
    advice: `${hint === '' ? '' : `${hint} `}See klp-docker ${known ? `${verb} ` : ''}--help.`,
  });
}

/** The process: signals, closed pipes, exit code. Called by bin/klp-docker.js. */
export async function main(): Promise<void> {
  let lost: Error | undefined;
  ignoreClosedPipe(process.stdout, (error) => (lost ??= error));
  ignoreClosedPipe(process.stderr);
  const interrupt = listenForInterrupt((text) => void process.stderr.write(text));
  const { stdout, stderr, env } = process;
  const code = await runCli({ stdout, stderr, env, args: process.argv.slice(2), signal: interrupt.signal });
  await flushed(stdout);
  const exitCode = lost === undefined ? code : reportLostOutput(stderr, lost);
  await flushed(stderr);
  // Sockets to the engine may still be open; everything is done and written.
  process.exit(exitCode);
}
