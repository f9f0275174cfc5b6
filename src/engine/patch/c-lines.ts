/** What C's lexical rules say about the start of a line, as far as a directive put before it is concerned. */
export interface LineState {
  /** The line goes on with the one before it: a backslash, a block comment, a string. */
  continued: boolean;
  /** Open parentheses: the line may be among the arguments of a macro. */
  depth: number;
  /** Open `#if` blocks. */
  conditionals: number;
  /** The line is, or belongs to, a preprocessor directive. */
  directive: boolean;
}

/** Scans C source line by line. `next` tells the state at the start of a line, then reads the line. */
export function lineScanner(): { next: (line: string) => LineState } {
  let inComment = false;
  let spliced = false;
  /** The quote of a string or character literal that a backslash carried over the line's end. */
  let quote = '';
  let depth = 0;
  let inDirective = false;
  /** Depth of parentheses where each open `#if` began: every branch starts from there. */
  const conditionals: number[] = [];

  const enterConditional = (line: string): void => {
    const keyword = /^\s*#\s*(if|ifdef|ifndef|elif|else|endif)\b/.exec(line)?.[1];
    if (keyword === undefined) return;
    if (keyword.startsWith('if')) conditionals.push(depth);
    else if (keyword === 'endif') conditionals.pop();
    else depth = conditionals.at(-1) ?? depth;
  };

  const next = (line: string): LineState => {
    const text = line.replace(/\r?\n$/, '');
    const continued = inComment || spliced;
    if (!continued) inDirective = /^\s*#/.test(text);
    // Function bodies end at column 0; a parenthesis still open there was miscounted or stands in a lost branch.
    if (!continued && text.startsWith('}')) depth = 0;
    const state = { continued, depth, conditionals: conditionals.length, directive: inDirective };
    if (inDirective && !continued) enterConditional(text);
    scan(text);
    spliced = text.endsWith('\\');
    if (!spliced) quote = '';
    return state;
  };

  const scan = (text: string): void => {
    for (let i = 0; i < text.length; i++) {
      const c = text[i];
      if (inComment) {
        if (c === '*' && text[i + 1] === '/') {
          inComment = false;
          i++;
        }
      } else if (quote === '//') {
        return;
      } else if (quote !== '') {
        if (c === '\\') i++;
        else if (c === quote) quote = '';
      } else if (c === '/' && text[i + 1] === '*') {
        inComment = true;
        i++;
      } else if (c === '/' && text[i + 1] === '/') {
        quote = '//';
        return;
      } else if (c === '"' || c === "'") quote = c;
      else if (inDirective) continue;
      else if (c === '(') depth++;
      else if (c === ')') depth = Math.max(0, depth - 1);
    }
  };
  return { next };
}
