/**
 * The numbers that `__LINE__` has in statements `markN(__LINE__);`, as a preprocessor counts: lines are spliced,
 * comments and literals blanked, `#if 0`, `#ifdef X` (X in `defined`), `#else`, `#endif` and `#line` obeyed.
 * @returns per mark its number and how many parentheses are open around it; undefined when `#if` and `#endif`
 *   or parentheses do not match, which no compiler accepts
 */
export function markNumbers(
  text: string,
  defined: ReadonlySet<string>,
): Map<string, { line: number; depth: number }> | undefined {
  const marks = new Map<string, { line: number; depth: number }>();
  const active = [true];
  let base = 0;
  let depth = 0;
  for (const { code, line } of logicalLines(text)) {
    const [, keyword, rest = ''] = /^\s*#\s*(\w+)\s*(.*)$/.exec(code) ?? [];
    const on = active.every(Boolean);
    if (keyword === 'if' || keyword === 'ifdef') active.push(keyword === 'ifdef' && defined.has(rest.trim()));
    else if (keyword === 'else') active.push(!active.pop());
    else if (keyword === 'endif') active.pop();
    else if (keyword === 'line' && on) base = Number(rest) - line - 1;
    if (active.length === 0 || (keyword === 'else' && active.length === 1)) return undefined;
    if (keyword !== undefined || !on) continue;
    const mark = /\b(mark\d+)\(__LINE__\)/.exec(code);
    if (mark?.[1] !== undefined) marks.set(mark[1], { line: line + base, depth });
    for (const c of code) depth += c === '(' ? 1 : c === ')' ? -1 : 0;
    if (depth < 0) return undefined;
  }
  return active.length === 1 ? marks : undefined;
}

const literals = /\/\*[^]*?(?:\*\/|$)|\/\/(?:\\\n|[^\n])*|"(?:\\[^]|[^"\n\\])*"?|'(?:\\[^]|[^'\n\\])*'?/y;

/** Lines after splicing and without comments, each with the number of its first physical line. */
function logicalLines(text: string): { code: string; line: number }[] {
  const out: { code: string; line: number }[] = [];
  let [code, line, physical] = ['', 1, 1];
  // Characters with the physical line they stand on; splices are gone but still counted.
  for (let i = 0; i < text.length; i++) {
    literals.lastIndex = i;
    const literal = literals.exec(text)?.[0];
    const token = literal ?? (text.startsWith('\\\n', i) ? '\\\n' : (text[i] ?? ''));
    physical += token.split('\n').length - 1;
    if (token === '\n') {
      out.push({ code, line });
      [code, line] = ['', physical];
    } else code += literal === undefined && token !== '\\\n' ? token : ' ';
    i += token.length - 1;
  }
  return code === '' ? out : [...out, { code, line }];
}
