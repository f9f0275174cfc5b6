/**
 * Preprocessed C, cut into its external declarations (C11 6.9): as much of the language as it takes to see that what
 * differs between two texts is nothing that code is made of.
 */

interface Declaration {
  /** Without white space around it. */
  text: string;
  /** Where the next one begins. */
  end: number;
}

/**
 * Are two preprocessed texts of a translation unit the same but for declarations that it does not use? A compiler makes
 * nothing of a static function that nothing refers to, nor of a prototype or a structure. What is not understood counts
 * as a difference.
 */
export function sameButUnused(original: string, patched: string): boolean {
  // The text of a raw string may look like anything.
  if ([original, patched].some((text) => /\b(?:u8|[uUL])?R"/.test(text))) return false;
  const [before, after] = differingPart(original, patched);
  const gone = without(before.declarations, after.declarations);
  const come = without(after.declarations, before.declarations);
  const kept = before.declarations.filter((text) => !gone.has(text));
  const same = after.declarations.filter((text) => !come.has(text));
  if (kept.length !== same.length || kept.some((text, i) => text !== same[i])) return false;
  const above = original.slice(0, before.start);
  const common = [above, original.slice(before.end), ...kept];
  const named = (word: string): boolean => common.some((text) => mentions(text, word));
  // Most texts do not name what differs, and need no more than a look.
  let cut: string[] | undefined;
  const all = (): string[] =>
    (cut ??= common.flatMap((text) => [...declarations(text, 0)].map((one) => one.text)));
  return [...gone, ...come].every((text) => {
    if (text === ';') return true;
    const one = declared(text);
    const mayUse = (name: string): boolean =>
      (named(name) || named(`__builtin_${name}`)) && isUsed(name, all());
    if (one === undefined || [one.name, ...one.within].some(mayUse)) return false;
    // The first to name a structure declares it for all that follows.
    return one.tags.every((tag) => isTag(above, tag) || !named(tag));
  });
}

/** Does one of the declarations use a name, other than static functions that none of the others uses? */
function isUsed(name: string, all: readonly string[]): boolean {
  const names = new Set([name]);
  for (const one of names) {
    for (const text of all) {
      if (!mentions(text, one) && !mentions(text, `__builtin_${one}`)) continue;
      const user = declared(text);
      if (user?.isFunction !== true) return true;
      names.add(user.name);
    }
  }
  return false;
}

interface Part {
  start: number;
  end: number;
  declarations: string[];
}

/** The declarations between what both texts begin and what both end with. */
function differingPart(original: string, patched: string): [Part, Part] {
  const most = Math.min(original.length, patched.length);
  let same = 0;
  while (same < most && original.charCodeAt(same) === patched.charCodeAt(same)) same++;
  let tail = 0;
  while (
    tail < most - same &&
    original.charCodeAt(original.length - 1 - tail) === patched.charCodeAt(patched.length - 1 - tail)
  )
    tail++;
  let start = 0;
  for (const { end } of declarations(original, 0)) {
    if (end > same) break;
    start = end;
  }
  const cut = (text: string) => ({
    text,
    rest: declarations(text, start),
    part: { start, end: start, declarations: [] as string[] },
  });
  const [a, b] = [cut(original), cut(patched)];
  const left = ({ text, part }: typeof a): number => text.length - part.end;
  // Both go on to the same place of what they have in common.
  while (left(a) > tail || left(b) > tail || left(a) !== left(b)) {
    const side = left(a) >= left(b) ? a : b;
    const next = side.rest.next();
    if (next.done === true) break;
    side.part.end = next.value.end;
    side.part.declarations.push(next.value.text);
  }
  return [a.part, b.part];
}

/** Characters that decide where a declaration ends. */
const mark = /["'{}()[\];]/g;

/** The declarations of a text from a place where one begins. The last may be unfinished. */
function* declarations(text: string, from: number): Generator<Declaration, undefined> {
  const marks = new RegExp(mark);
  let start = from;
  let depth = 0;
  let braces = 0;
  /** Whether the outermost brace is that of a function's body. */
  let isBody = false;
  marks.lastIndex = from;
  for (let found = marks.exec(text); found !== null; found = marks.exec(text)) {
    const at = found.index;
    let ends = false;
    switch (found[0]) {
      case '"':
      case "'":
        marks.lastIndex = endOfLiteral(text, at);
        break;
      case '(':
      case '[':
        depth++;
        break;
      case ')':
      case ']':
        depth--;
        break;
      case '{':
        if (depth === 0 && braces === 0) isBody = text.slice(start, at).trimEnd().endsWith(')');
        braces++;
        break;
      case '}':
        braces--;
        ends = braces === 0 && depth === 0 && isBody;
        break;
      default:
        ends = braces === 0 && depth === 0;
    }
    if (!ends) continue;
    yield { text: text.slice(start, at + 1).trim(), end: at + 1 };
    start = at + 1;
    isBody = false;
  }
  if (start < text.length) yield { text: text.slice(start).trim(), end: text.length };
}

function endOfLiteral(text: string, start: number): number {
  const quote = text[start];
  let at = start + 1;
  while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** The declarations of one list that the other does not have as often. */
function without(some: readonly string[], others: readonly string[]): Set<string> {
  const count = new Map<string, number>();
  for (const text of others) count.set(text, (count.get(text) ?? 0) + 1);
  return new Set(
    some.filter((text) => {
      const left = count.get(text) ?? 0;
      count.set(text, left - 1);
      return left <= 0;
    }),
  );
}

/** Words by which a declaration is more than it seems, or is compiled though nothing refers to it; and a pragma. */
const meansMore =
  /\b(?:typedef|asm|__asm|__asm__|enum|(?:__)?used(?:__)?|\w*(?:alias|weak|constructor|destructor|ifunc|section|cleanup)\w*)\b|["=]/;

const attribute = /\b__attribute__\s*\(\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)\)/g;

const parameters = String.raw`\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)`;

/** Words behind which no name of a function stands, and words that are none. */
const notBefore = /\b(?:struct|union|enum)\s*$/;
const notNames =
  /^(?:\d.*|__attribute|__attribute__|_?_?typeof(?:__)?|sizeof|_?_?alignof(?:__)?|_Align(?:as|of)|_Generic|_Static_assert|static_assert|if|for|while|switch|return)$/;

const prototype = new RegExp(String.raw`^(\w[\w\s*]*[\s*])(\w+)\s*${parameters}$`);
const externVariable = /^(extern\s(?:[\w\s*]*[\s*])?)(\w+)(?:\s*\[[^\]]*\])*$/;
const structure = /^(?:struct|union)\s+(\w+)\s*(?:\{[^]*\})?$/;

interface Declared {
  name: string;
  /** The types that it names besides. */
  tags: string[];
  /** What a function declares in its body for more than itself: attributes of another function last. */
  within: string[];
  /** Whether it is the definition of a static function. */
  isFunction: boolean;
}

/** What is declared by a declaration of which no code is made as long as nothing refers to it. */
function declared(text: string): Declared | undefined {
  if (text.includes('#')) return undefined;
  const isPrototype = text.endsWith(';');
  const whole = withoutAttributes(isPrototype ? text.slice(0, -1) : text);
  const ofStructure = isPrototype ? structure.exec(whole) : null;
  if (ofStructure !== null) {
    const [, name = ''] = ofStructure;
    // A structure within another is known to all that follows.
    const defined = whole.match(/\b(?:struct|union)\s+\w+\s*\{/g) ?? [];
    if (meansMore.test(whole) || defined.length > 1) return undefined;
    return { name, tags: tagsIn(whole).filter((tag) => tag !== name), within: [], isFunction: false };
  }
  const open = text.indexOf('{');
  if (isPrototype === open >= 0) return undefined;
  const head = (isPrototype ? whole : withoutAttributes(text.slice(0, open))).trim();
  const [, before = '', name = ''] =
    (prototype.exec(head) ?? (isPrototype && externVariable.exec(head))) || [];
  if (name === '' || meansMore.test(head) || notNames.test(name) || notBefore.test(before)) return undefined;
  if (!isPrototype && !/\bstatic\b/.test(before)) return undefined;
  const within = isPrototype ? [] : declaredWithin(text.slice(open));
  return within && { name, tags: tagsIn(head), within, isFunction: !isPrototype };
}

/** Attributes that say nothing of where code is or what it refers to go; any other leaves a word of `meansMore`. */
function withoutAttributes(text: string): string {
  return text.replace(attribute, (all) => (meansMore.test(all) ? ' = ' : ' ')).trim();
}

function tagsIn(text: string): string[] {
  return [...text.matchAll(/\b(?:struct|union|enum)\s+(\w+)/g)].flatMap(([, tag]) => tag ?? []);
}

/**
 * Functions and variables of others that a body declares in a way that lasts: their attributes and assembly names hold
 * for what declares them later (C11 6.2.2 for the linkage). Undefined when that cannot be told.
 */
function declaredWithin(body: string): string[] | undefined {
  const names: string[] = [];
  for (const statement of body.replace(/"(?:[^"\\]|\\.)*"/g, '""').split(/[;{}]/)) {
    const lasts = /\bextern\b|\b__attribute\b|\b__attribute__\b|\)\s*(?:asm|__asm|__asm__)\b/;
    if (!lasts.test(statement) || /^\s*__attribute__\s*\(\((?:__)?fallthrough(?:__)?\)\)\s*$/.test(statement))
      continue;
    const plain = statement.replace(attribute, ' ').trim();
    const [, before = '', name = ''] = prototype.exec(plain) ?? externVariable.exec(plain) ?? [];
    if (name === '' || notNames.test(name) || notBefore.test(before)) return undefined;
    names.push(name);
  }
  return names;
}

/** Is a type of this tag named? */
function isTag(text: string, tag: string): boolean {
  return new RegExp(String.raw`\b(?:struct|union|enum)\s+${tag}\b`).test(text);
}

/** Is a word there, be it within a literal? */
function mentions(text: string, word: string): boolean {
  const isWord = (at: number): boolean => /[\w$]/.test(text[at] ?? '');
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (!isWord(at - 1) && !isWord(at + word.length)) return true;
  }
  return false;
}
