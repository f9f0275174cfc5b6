import type { Command } from 'commander';
import { renderErrors, renderResult } from '../report/human.js';
import { renderJson } from '../report/json.js';
import { plainView, silentView, systemClock, terminalView, type ProgressView } from '../report/progress.js';
import { styleFor, type Style } from '../report/style.js';
import { asKlpError } from '../shared/errors.js';
import { exitCodeOfResult, failedResult } from '../shared/outcome.js';
import type { Progress } from '../shared/progress.js';
import { emptyResult, type ResultDocument } from '../shared/result.js';
import { commandHistory, shellLine } from '../shared/run.js';
import type { Io } from './io.js';
import { noLog, openLog, type Log } from './log.js';

/** The options that every verb has. */
export interface CommonOptions {
  json?: boolean;
  log?: string;
  quiet?: boolean;
  verbose?: boolean;
}

/** What a verb works with. */
export interface Session {
  options: CommonOptions;
  io: Io;
  style: Style;
  signal: AbortSignal;
  progress: Progress;
  timings: Record<string, number>;
  /** The document so far; when the verb throws, what is in it is kept and the error is added. */
  known: ResultDocument;
}

/** What a verb hands back. `text` is for people, in place of the usual report. */
export interface Outcome {
  result: ResultDocument;
  text?: string;
  /** In place of the one that the result's status stands for. */
  exitCode?: number;
}

export type Verb = (session: Session) => Promise<Outcome>;

/** Adds the options that every verb has, and its example. */
export function withCommonOptions(command: Command, example: string): Command {
  return command
    .option('--json', 'print one result document (JSON) on stdout and nothing else there')
    .option('--log <file>', 'write everything that happens, with the output of every program, to a file')
    .option('--quiet', 'no progress; only the result, or the error')
    .option('--verbose', 'show the output of builds and every program that ran')
    .addHelpText('after', `\nExample:\n  ${example}\n`);
}

/**
 * Runs a verb and shows its result: the one place where errors become documents, text and exit codes.
 * Never throws; returns the exit code.
 */
export async function runVerb(io: Io, options: CommonOptions, verb: Verb, again: boolean): Promise<number> {
  const style = styleFor(options.json === true ? io.stderr : io.stdout, io.env);
  const known = emptyResult('error');
  const argv = ['klp-docker', ...io.args];
  let view: ProgressView = silentView;
  let log: Log = noLog;
  const started = performance.now();
  let outcome: Outcome;
  try {
    if (options.log !== undefined) log = await openLog(options.log, argv);
    view = viewFor(io, options);
    let told = 0;
    const progress: Progress = (event) => {
      view.show(event);
      log.event(event);
      if (event.type !== 'stage' || event.state === 'start') return;
      log.commands();
      const ran = commandHistory().slice(told);
      told += ran.length;
      if (options.verbose === true) {
        for (const { argv: line, cwd } of ran) view.show({ type: 'line', text: `$ ${shellLine(line, cwd)}` });
      }
    };
    const session = { options, io, style, signal: io.signal, progress, timings: known.timings, known };
    outcome = await verb(session);
  } catch (thrown) {
    const error = asKlpError(thrown);
    log.text(error.stack ?? error.message);
    outcome = { result: failedResult(error, known) };
  }
  outcome.result.timings['total'] = Math.round(performance.now() - started);
  view.end();
  log.commands();
  const exitCode = show(io, options, outcome, style, again ? shellLine(argv) : undefined);
  log.text(`${JSON.stringify(outcome.result)}\nexit code ${exitCode}`);
  return exitCode;
}

/** Shows an error that came before any verb ran, e.g. an unknown option. Returns the exit code. */
export function showEarlyError(io: Io, thrown: unknown): number {
  const given = (option: string): boolean => io.args.includes(option);
  const options: CommonOptions = { json: given('--json'), quiet: given('--quiet') };
  return show(io, options, { result: failedResult(thrown) }, styleFor(io.stderr, io.env), undefined);
}

function viewFor(io: Io, options: CommonOptions): ProgressView {
  if (options.quiet === true) return silentView;
  const shared = {
    write: (text: string) => void io.stderr.write(text),
    style: styleFor(io.stderr, io.env),
    verbose: options.verbose === true,
    clock: systemClock,
  };
  return io.stderr.isTTY === true && io.env['TERM'] !== 'dumb' && io.env['CI'] === undefined
    ? terminalView({ ...shared, columns: () => io.stderr.columns ?? 80 })
    : plainView(shared);
}

/** Writes the outcome where it belongs: documents and results to stdout, errors for people to stderr. */
function show(
  io: Io,
  options: CommonOptions,
  outcome: Outcome,
  style: Style,
  again: string | undefined,
): number {
  const { result, text } = outcome;
  const exitCode = outcome.exitCode ?? exitCodeOfResult(result);
  if (options.json === true) {
    io.stdout.write(renderJson(result));
  } else if (exitCode === 0 && text !== undefined) {
    io.stdout.write(text);
  } else if (exitCode === 0) {
    io.stdout.write(
      options.quiet === true ? artifactLines(result) : renderReport(result, options, style, again),
    );
  } else {
    const errorStyle = styleFor(io.stderr, io.env);
    const report =
      options.quiet === true
        ? renderErrors(result, errorStyle)
        : renderReport(result, options, errorStyle, again);
    io.stderr.write(text ?? report);
  }
  return exitCode;
}

function renderReport(
  result: ResultDocument,
  { verbose = false }: CommonOptions,
  style: Style,
  again: string | undefined,
): string {
  const cwd = process.cwd();
  return renderResult(result, { style, verbose, cwd, ...(again === undefined ? {} : { again }) });
}

/** What a script wants from a quiet run: the paths of the files that were made. */
function artifactLines(result: ResultDocument): string {
  return result.artifacts.map((artifact) => `${artifact.path}\n`).join('');
}
