/** What POSIX shells give a meaning of their own when it stands unquoted; none of it is interpreted here. */
const special = new Set([...'|&<>()`$*?[~#!{}\n']);
const keywords = new Set(['if', 'then', 'else', 'fi', 'for', 'while', 'until', 'do', 'done', 'case', 'esac']);

/**
 * Splits a shell command line into simple commands (joined by `;` or `&&`) of words, quoting undone (single and
 * double quotes, backslash). Anything else a shell would act on is an error, so that no meaning is ever missed.
 * @param refuse makes the error to throw from a reason
 */
export function splitCommands(text: string, refuse: (why: string) => Error): string[][] {
  const commands: string[][] = [];
  let words: string[] = [];
  let word: string | undefined;
  const endWord = (): void => {
    if (word !== undefined) words.push(word);
    word = undefined;
  };
  const endCommand = (): void => {
    endWord();
    if (keywords.has(words[0] ?? '')) throw refuse(`the shell keyword \`${words[0]}\``);
    if (/^\w+=/.test(words[0] ?? '')) throw refuse(`the variable assignment \`${words[0]}\``);
    if (words.length > 0) commands.push(words);
    words = [];
  };
  for (let i = 0; i < text.length;) {
    const c = text[i] ?? '';
    if (c === ' ' || c === '\t') {
      endWord();
      i++;
    } else if (c === ';' || text.startsWith('&&', i)) {
      endCommand();
      i += c === ';' ? 1 : 2;
    } else if (c === "'") {
      const end = text.indexOf("'", i + 1);
      if (end < 0) throw refuse('a single quote that is never closed');
      word = (word ?? '') + text.slice(i + 1, end);
      i = end + 1;
    } else if (c === '"') {
      const { value, end } = doubleQuoted(text, i + 1, refuse);
      word = (word ?? '') + value;
      i = end;
    } else if (c === '\\') {
      if (i + 1 >= text.length) throw refuse('a backslash at its end');
      word = (word ?? '') + (text[i + 1] ?? '');
      i += 2;
    } else if (special.has(c) && !harmless(c, word)) {
      throw refuse(`the shell construct \`${text.slice(i, i + 16)}\``);
    } else {
      word = (word ?? '') + c;
      i++;
    }
  }
  endCommand();
  return commands;
}

/** These have a meaning only at the start of a word. */
function harmless(c: string, word: string | undefined): boolean {
  return (c === '#' || c === '~' || c === '!') && word !== undefined;
}

function doubleQuoted(
  text: string,
  from: number,
  refuse: (why: string) => Error,
): { value: string; end: number } {
  let value = '';
  for (let i = from; i < text.length; i++) {
    const c = text[i] ?? '';
    if (c === '"') return { value, end: i + 1 };
    if (c === '$' || c === '`') throw refuse(`the shell expansion \`${text.slice(i, i + 16)}\``);
    if (c === '\\' && '$`"\\'.includes(text[i + 1] ?? ' ')) i++;
    value += text[i] ?? '';
  }
  throw refuse('a double quote that is never closed');
}
