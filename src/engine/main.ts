import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { flushed, ignoreClosedPipe, reportLostOutput } from '../cli/io.js';
import { listenForInterrupt } from '../cli/interrupt.js';
import { renderErrors, renderResult } from '../report/human.js';
import { renderJson } from '../report/json.js';
import { plainView, silentView, systemClock, type ProgressView } from '../report/progress.js';
import { styleFor } from '../report/style.js';
import { KlpError } from '../shared/errors.js';
import { withTempDir, writeFileAtomic } from '../shared/files.js';
import { asciiName } from '../shared/names.js';
import { exitCodeOfResult, failedResult } from '../shared/outcome.js';
import type { Progress } from '../shared/progress.js';
import { stage } from '../shared/progress.js';
import { emptyResult, type Artifact, type ResultDocument } from '../shared/result.js';
import { commandHistory, shellLine } from '../shared/run.js';
import type { EngineContext } from './context.js';
import { generate } from './generate.js';
import { createPackage } from './package/package.js';
import { reachOf } from './reach.js';

interface Options {
  arch?: string;
  kdir: string;
  odir: string;
  name?: string;
  callbacks?: string;
  replace: boolean;
  multi?: boolean;
  skipPkgBuild?: boolean;
  debugDir?: string;
  json?: boolean;
  events?: boolean;
  quiet?: boolean;
  verbose?: boolean;
  reach?: boolean;
}

/** Patches larger than this are not read (bytes); the parser has limits of its own. */
const maxPatchBytes = 4 * 1024 * 1024;

/** `llpatch`: makes a livepatch where the kernel tree is. Sets the process's exit code. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  let lost: Error | undefined;
  ignoreClosedPipe(process.stdout, (error) => (lost ??= error));
  ignoreClosedPipe(process.stderr);
  const program = command();
  try {
    program.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  const options = program.opts<Options>();
  const interrupt = listenForInterrupt((text) => void process.stderr.write(options.events ? '' : text));
  const view = viewFor(options);
  const result = emptyResult('livepatch');
  const started = performance.now();
  let document: ResultDocument;
  try {
    document =
      options.reach === true
        ? await reach(program.args, options, result)
        : await work(program.args, options, result, view.show, interrupt.signal);
  } catch (error) {
    document = failedResult(error, result);
  } finally {
    interrupt.release();
  }
  document.timings['total'] = performance.now() - started;
  for (const [name, ms] of Object.entries(document.timings)) document.timings[name] = Math.round(ms);
  view.end();
  if (options.json) process.stdout.write(renderJson(document));
  else if (options.quiet) process.stderr.write(renderErrors(document, styleFor(process.stderr, process.env)));
  else {
    process.stdout.write(
      renderResult(document, {
        style: styleFor(process.stdout, process.env),
        verbose: options.verbose ?? false,
      }),
    );
  }
  if (options.verbose) {
    for (const { argv: line, cwd } of commandHistory()) process.stderr.write(`${shellLine(line, cwd)}\n`);
  }
  process.exitCode = exitCodeOfResult(document);
  await flushed(process.stdout);
  if (lost !== undefined) process.exitCode = reportLostOutput(process.stderr, lost);
  await flushed(process.stderr);
}

function command(): Command {
  return new Command('llpatch')
    .description(
      'Makes a kernel livepatch from source patches, in a kernel tree that is configured and built',
    )
    .argument('<patch...>', 'patch files, applied one after the other')
    .option('--arch <arch>', 'refuse a kernel of another architecture')
    .option('-k, --kdir <dir>', 'the kernel tree', '.')
    .option('-o, --odir <dir>', 'where the livepatch goes', 'pkgs')
    .option('--name <name>', "the livepatch's name; default: the first patch file's")
    .option('-c, --callbacks <file>', 'a C file with functions to run before and after patching')
    .option('--no-replace', 'leave other livepatches active when this one is loaded')
    .option('--reach', 'instead, say which objects read the source files that FILE names, one a line')
    .option('--multi', 'accepted for compatibility: changes in several objects are always allowed')
    .option('--skip-pkg-build', 'make the module alone, no package')
    .option('--debug-dir <dir>', 'keep all intermediate files there')
    .option('--json', 'print the result document')
    .option('--events', 'print progress as JSON lines on stderr')
    .option('--quiet', 'print nothing but errors')
    .option('--verbose', 'print every command that ran')
    .addHelpText('after', '\nExample:\n  llpatch -k /usr/src/linux -o out fix.patch\n')
    .exitOverride();
}

function viewFor(options: Options): ProgressView {
  if (options.events) {
    return { show: (event) => void process.stderr.write(`${JSON.stringify(event)}\n`), end: () => undefined };
  }
  if (options.quiet || options.json) return silentView;
  return plainView({
    write: (text) => void process.stderr.write(text),
    style: styleFor(process.stderr, process.env),
    verbose: options.verbose ?? false,
    clock: systemClock,
  });
}

async function work(
  paths: readonly string[],
  options: Options,
  result: ResultDocument,
  progress: Progress,
  signal: AbortSignal,
): Promise<ResultDocument> {
  const run = async (dir: string): Promise<ResultDocument> => {
    const context: EngineContext = {
      progress,
      timings: result.timings,
      findings: result.findings,
      dir,
      signal,
    };
    const patches = await Promise.all(paths.map((path) => readPatch(path)));
    const name = options.name ?? nameFrom(paths[0] ?? '');
    const outDir = resolve(options.odir);
    const module = await generate(
      {
        kernelDir: resolve(options.kdir),
        ...(options.arch === undefined ? {} : { arch: options.arch }),
        patches,
        name,
        outDir,
        replace: options.replace,
        ...(options.callbacks === undefined ? {} : { callbacks: resolve(options.callbacks) }),
      },
      result,
      context,
    );
    result.artifacts.push(await describe(module, outDir));
    if (!options.skipPkgBuild) {
      const made = await stage('package', context, () =>
        createPackage({ ko: module, name, result, patches, outDir }),
      );
      result.artifacts.push(await describe(made, outDir));
    }
    await writeFileAtomic(join(outDir, `livepatch-${name}.json`), renderJson(result));
    return result;
  };
  if (options.debugDir === undefined) return await withTempDir('llpatch', run);
  const dir = resolve(options.debugDir);
  await mkdir(dir, { recursive: true });
  try {
    return await run(dir);
  } finally {
    const lines = commandHistory().map(({ argv, cwd }) => shellLine(argv, cwd));
    await writeFileAtomic(join(dir, 'commands.sh'), `${lines.join('\n')}\n`);
  }
}

/** Answers for the files that the lists name; see reachOf(). */
async function reach(
  lists: readonly string[],
  options: Options,
  result: ResultDocument,
): Promise<ResultDocument> {
  const texts = await Promise.all(lists.map((list) => readPatch(list)));
  const paths = texts.flatMap(({ text }) => text.split('\n')).filter((path) => path !== '');
  return { ...result, status: 'ok', reach: await reachOf(resolve(options.kdir), [...new Set(paths)]) };
}

async function readPatch(path: string): Promise<{ name: string; text: string }> {
  const about = await stat(path).catch((cause: unknown) => {
    throw new KlpError('patch-file-missing', `${path} cannot be read`, { file: path, cause });
  });
  if (!about.isFile()) throw new KlpError('not-a-patch', `${path} is not a file`, { file: path });
  if (about.size > maxPatchBytes) {
    throw new KlpError('patch-too-large', `${path} has ${about.size} bytes; the limit is ${maxPatchBytes}`, {
      file: path,
    });
  }
  return { name: basename(path), text: await readFile(path, 'utf8') };
}

/** A livepatch's name from a file name: `0001-Fix a bug.patch` -> `0001-Fix-a-bug`, no longer than a module's name can be. */
export function nameFrom(path: string): string {
  const name = asciiName(basename(path))
    .replace(/\.(?:patch|diff|txt|mbox)$/, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 40)
    .replace(/-+$/, '');
  return name === '' ? 'patch' : name;
}

async function describe(path: string, outDir: string): Promise<Artifact> {
  const bytes = await readFile(path);
  return {
    path: relative(outDir, path),
    sha256: createHash('sha256').update(bytes).digest('hex'),
    size: bytes.byteLength,
  };
}
