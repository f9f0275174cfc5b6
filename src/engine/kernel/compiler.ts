import { basename } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import { run } from '../../shared/run.js';

/** Programs that stand before the compiler and hand the rest of the line on to it. */
const wrappers = new Set(['ccache', 'sccache', 'distcc', 'icecc']);

/** A recorded command without a compiler cache in front: what it gives is the same, and it may not be here. */
export function withoutWrapper(command: readonly string[]): string[] {
  const first = command.findIndex((word) => !wrappers.has(basename(word)));
  return command.slice(Math.max(first, 0));
}

/**
 * Checks that the compiler of a recorded command is the one that built the kernel.
 * @param expected CONFIG_CC_VERSION_TEXT: the first line of its `--version`
 * @throws KlpError `compiler-missing`, `compiler-mismatch`
 */
export async function checkCompiler(
  compile: readonly string[],
  cwd: string,
  expected: string,
): Promise<void> {
  const name = compile[0] ?? '';
  const { stdout } = await run([name, '--version'], {
    cwd,
    failure: 'compiler-missing',
    message: `the kernel was built by ${name} (\`${expected}\`), which cannot be started here`,
    timeoutMs: 60_000,
  });
  const found = stdout.split('\n')[0]?.trim() ?? '';
  // Kbuild stores the line with white space squeezed by Make's $(shell).
  if (squeeze(found) === squeeze(expected)) return;
  throw new KlpError(
    'compiler-mismatch',
    `the kernel was built by \`${expected}\`, but ${name} here is \`${found}\``,
  );
}

const squeeze = (text: string): string => text.trim().replace(/\s+/g, ' ');
