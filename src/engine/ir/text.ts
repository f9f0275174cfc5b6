/**
 * The tokens of textual LLVM IR that the engine has to tell apart (LLVM Language Reference, "Identifiers" and
 * "String constants"; a `"` inside a string is always written \22, so a string ends at the next quote).
 */
const identifier = String.raw`(?:[-\w$.]+|"[^"]*")`;

/** Matches strings, comments, globals, locals, metadata, attribute groups; everything else is left alone. */
export const interesting = new RegExp(
  [
    String.raw`c?"[^"]*"`,
    String.raw`;[^\n]*`,
    `@${identifier}`,
    `%${identifier}`,
    String.raw`![-\w$.]+`,
    String.raw`#\d+`,
  ].join('|'),
  'g',
);

const globalName = new RegExp(String.raw`c?"[^"]*"|;[^\n]*|@${identifier}`, 'g');

/** The name behind a `@x`, `%x` or `@"x y"` token, without sigil and quotes. */
export function bareName(token: string): string {
  return token.charCodeAt(1) === 34 ? token.slice(2, -1) : token.slice(1);
}

/** `name` as LLVM writes it after a sigil: quoted when it has characters outside [-\w$.]. */
export function quoteName(name: string): string {
  return /^[-\w$.]+$/.test(name) && !/^\d/.test(name) ? name : `"${name}"`;
}

/** Every global (`@name`) used in a piece of IR, in order, with repetitions; strings and comments are skipped. */
export function globalsIn(text: string): string[] {
  const names: string[] = [];
  for (const [token] of text.matchAll(globalName)) if (token.startsWith('@')) names.push(bareName(token));
  return names;
}

/**
 * Replaces every global in a piece of IR; `replace` gets the bare name and where it stands, and returns a bare name, or
 * undefined for the address 0.
 */
export function mapGlobals(
  text: string,
  replace: (name: string, offset: number, text: string) => string | undefined,
): string {
  return text.replace(globalName, (token: string, offset: number) => {
    if (!token.startsWith('@')) return token;
    const name = replace(bareName(token), offset, text);
    return name === undefined ? 'null' : `@${quoteName(name)}`;
  });
}

/**
 * The end (index after the last character) of the bracketed group that opens at `start`; strings are skipped.
 * @throws RangeError when the group never closes.
 */
export function closingBracket(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i += 1) {
    const c = text[i];
    if (c === '"') i = text.indexOf('"', i + 1);
    else if (c === '(' || c === '[' || c === '{' || c === '<') depth += 1;
    else if (c === ')' || c === ']' || c === '}' || c === '>') {
      depth -= 1;
      if (depth === 0) return i + 1;
    }
    if (i < 0) break;
  }
  throw new RangeError(`unbalanced brackets in IR: ${text.slice(start, start + 80)}`);
}

/** The first comma of `text` outside brackets and strings, or its length. */
export function firstComma(text: string): number {
  for (let i = 0; i < text.length; i += 1) {
    const c = text[i] ?? '';
    if (c === ',') return i;
    if (c === '"') {
      const close = text.indexOf('"', i + 1);
      if (close < 0) return text.length;
      i = close;
    } else if ('([{<'.includes(c)) i = closingBracket(text, i) - 1;
  }
  return text.length;
}

/** The elements of an aggregate constant (`[i32 1, i32 2]`), each with its type. */
export function elements(aggregate: string): string[] {
  const found: string[] = [];
  for (let rest = aggregate.slice(1, -1); rest !== '';) {
    const end = firstComma(rest);
    found.push(rest.slice(0, end).trim());
    rest = rest.slice(end + 1);
  }
  return found;
}

/**
 * The end of the type that starts at `start` (LLVM Language Reference, "Type System"): a bracketed aggregate or
 * vector, or one word, then pointer stars, address spaces and function type parameters (typed pointers, LLVM < 15).
 */
export function typeEnd(text: string, start: number): number {
  let end: number;
  if ('[{<'.includes(text[start] ?? '')) end = closingBracket(text, start);
  else {
    const word = /^%?(?:"[^"]*"|[-\w$.]+)/.exec(text.slice(start, start + 512));
    if (!word) throw new RangeError(`no type in IR: ${text.slice(start, start + 80)}`);
    end = start + word[0].length;
  }
  for (;;) {
    const rest = text.slice(end, end + 64);
    const suffix = /^(?:\*| addrspace\(\d+\)\*?)/.exec(rest);
    if (suffix) end += suffix[0].length;
    else if (/^ ?\(/.test(rest)) end = closingBracket(text, text.indexOf('(', end));
    else return end;
  }
}

/** Is the global at `offset` called there? The next character then opens the arguments. */
export function isCallee(text: string, offset: number): boolean {
  const name = /^@(?:[-\w$.]+|"[^"]*")/.exec(text.slice(offset, offset + 600))?.[0] ?? '@';
  return text[offset + name.length] === '(';
}

/** Does the global at `offset` name the function of a label (`blockaddress(@f, %5)`)? */
function ownsLabel(text: string, offset: number): boolean {
  return text.endsWith('blockaddress(', offset);
}

/** Is the address of the global at `offset` taken, rather than that it is called or one of its labels named? */
export function isAddress(text: string, offset: number): boolean {
  return !isCallee(text, offset) && !ownsLabel(text, offset);
}

/** Globals in `text` whose address is taken. */
export function addressesIn(text: string): Set<string> {
  const found = new Set<string>();
  for (const match of text.matchAll(globalName)) {
    const [token] = match;
    if (token.startsWith('@') && isAddress(text, match.index)) found.add(bareName(token));
  }
  return found;
}

/** Functions of whose labels `text` takes the address (computed goto, LLVM Language Reference, "Addresses of Basic Blocks"). */
export function labelOwnersIn(text: string): Set<string> {
  const found = new Set<string>();
  if (!text.includes('blockaddress(')) return found;
  for (const match of text.matchAll(globalName)) {
    if (match[0].startsWith('@') && ownsLabel(text, match.index)) found.add(bareName(match[0]));
  }
  return found;
}

/** Does a string of `text` (assembly, mostly) contain the word `name`? */
export function isNamedInString(text: string, name: string): boolean {
  if (!text.includes(name)) return false;
  const word = new RegExp(String.raw`(?<![\w$.])${name.replace(/[.$]/g, '\\$&')}(?![\w$])`);
  for (const [token] of text.matchAll(globalName)) {
    // An escape (`\\09`) ends a word, though its digits look like one.
    if (/^c?"/.test(token) && word.test(token.replace(/\\(?:\\|[0-9A-Fa-f]{2})/g, ' '))) return true;
  }
  return false;
}
