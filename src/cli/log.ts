import { appendFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { withoutCredentials } from '../shared/credentials.js';
import { KlpError } from '../shared/errors.js';
import { makeDir } from '../shared/files.js';
import type { ProgressEvent } from '../shared/progress.js';
import { commandHistory, shellLine } from '../shared/run.js';

/** The file named with --log. It grows while the command runs, so that it tells the tale even of a crash. */
export interface Log {
  event: (event: ProgressEvent) => void;
  text: (text: string) => void;
  /** Adds the programs that ran since the last call, with their output. */
  commands: () => void;
}

/** The log of a command without --log. */
export const noLog: Log = { event: () => undefined, text: () => undefined, commands: () => undefined };

/**
 * Opens a log, replacing an older one.
 * @throws KlpError `output-not-writable`
 */
export async function openLog(path: string, argv: readonly string[]): Promise<Log> {
  try {
    await makeDir(dirname(resolve(path)));
    writeFileSync(path, `${new Date().toISOString()} ${shellLine(argv)}\n`);
  } catch (cause) {
    throw new KlpError(
      'output-not-writable',
      `The log ${path} cannot be written: ${(cause as Error).message}`,
      {
        file: path,
        cause,
      },
    );
  }
  let told = 0;
  const append = (text: string): void =>
    appendFileSync(path, `${new Date().toISOString()} ${withoutCredentials(text)}\n`);
  return {
    event: (event) => {
      if (event.type !== 'stage') return append(event.text);
      const detail = event.detail === undefined ? '' : ` (${event.detail})`;
      append(
        `stage ${event.name}${detail}: ${event.state}${event.ms === undefined ? '' : ` ${Math.round(event.ms)} ms`}`,
      );
    },
    text: append,
    commands: () => {
      const history = commandHistory();
      for (const ran of history.slice(told)) {
        append(`ran ${shellLine(ran.argv, ran.cwd)} (exit code ${ran.exitCode}, ${Math.round(ran.ms)} ms)`);
        if (ran.stdout !== '') append(`stdout:\n${ran.stdout}`);
        if (ran.stderr !== '') append(`stderr:\n${ran.stderr}`);
      }
      told = history.length;
    },
  };
}
