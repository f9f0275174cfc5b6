import { KlpError } from '../../shared/errors.js';
import { run } from '../../shared/run.js';

/** Programs that stand before the compiler and hand the rest of the line on to it. */
const wrappers = new Set(['ccache', 'sccache', 'distcc', 'icecc']);

/** The words of a recorded command that start the compiler: the program, after a cache's if there is one. */
export function compilerWords(compile: readonly string[]): string[] {
  const words: string[] = [];
  for (const word of compile) {
    words.push(word);
    if (!wrappers.has(word.split('/').at(-1) ?? '')) break;
  }
  return words;
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
  const words = compilerWords(compile);
  const name = words.at(-1) ?? '';
  const { stdout } = await run([...words, '--version'], {
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
