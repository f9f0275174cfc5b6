import type { Argument, Command, Option } from 'commander';
import type { Io } from './io.js';
import { runVerb, withCommonOptions, type CommonOptions, type Outcome, type Session } from './session.js';

/** What the program shares with its verbs. */
export interface Cli {
  io: Io;
  /** The exit code of the verb that ran. */
  exitCode: number;
}

/** An option as people see it: flags, description, default; or a commander Option for choices and parsers. */
export type OptionSpec = readonly [flags: string, description: string] | Option;

export interface VerbSpec<Options> {
  name: string;
  /** The arguments in commander's notation, e.g. `<patch...>`; may be empty. */
  usage: string;
  /** Arguments that need more than `usage` can say, e.g. a set of choices. */
  arguments?: readonly Argument[];
  summary: string;
  options?: readonly OptionSpec[];
  /** A command line that works, shown under --help. */
  example: string;
  /** True when the result is worth printing the command line that makes it again. */
  repeatable?: boolean;
  run: (
    args: readonly (string | string[] | undefined)[],
    options: Options,
    session: Session,
  ) => Promise<Outcome>;
}

/** Adds a verb to the program: its arguments and options, those that all verbs have, and what it does. */
export function addVerb<Options extends CommonOptions>(
  program: Command,
  cli: Cli,
  spec: VerbSpec<Options>,
): void {
  const command = program
    .command(`${spec.name} ${spec.usage}`.trim())
    .summary(spec.summary)
    .description(sentence(spec.summary));
  for (const argument of spec.arguments ?? []) command.addArgument(argument);
  for (const option of spec.options ?? []) {
    if ('flags' in option) command.addOption(option);
    else command.option(option[0], option[1]);
  }
  withCommonOptions(command, spec.example).action(async () => {
    const options = command.opts<Options>();
    const args = command.processedArgs as (string | string[] | undefined)[];
    cli.exitCode = await runVerb(
      cli.io,
      options,
      (session) => spec.run(args, options, session),
      spec.repeatable === true,
    );
  });
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
