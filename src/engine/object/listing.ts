import { anonymousName } from '../ir/instrumentation.js';

/**
 * The code of a unit as the compiler's assembly listing has it (`-S`): what the object is assembled from, with each jump,
 * call and address still by name, whatever the places that the assembler and the linker give them.
 */
export interface Listing {
  /** Functions and data by name. */
  definitions: ReadonlyMap<string, Definition>;
  /** What stands at labels between the definitions: tables of jumps, constants of a function. */
  labels: ReadonlyMap<string, Definition>;
}

interface Definition {
  /** Section, alignment, and who may see the name. */
  place: string;
  lines: string[];
}

/** Where the code came from, and who made it. */
const ignored = /^(?:\.(?:loc|file|ident|addrsig|addrsig_sym|cv_\w+)\b|$)/;

const sectionChange = /^\.(?:section|text|data|bss)\b/;
const symbolName = String.raw`("[^"]*"|[^\s,:"]+)`;
const typeOf = new RegExp(String.raw`^\.type\s+${symbolName},\s*[@%](function|object)$`);
const endOf = new RegExp(String.raw`^\.(size|comm|set)\s+${symbolName},`);
const visibleAs = new RegExp(String.raw`^\.(globl|weak|hidden|protected|internal|local)\s+${symbolName}$`);
const labelOf = new RegExp(String.raw`^${symbolName}:$`);

/** Takes a listing apart into what each name stands for. */
export function readListing(text: string): Listing {
  const definitions = new Map<string, Definition>();
  const labels = new Map<string, Definition>();
  const seen = new Map<string, Set<string>>();
  let section = '';
  let align = '';
  let open: { name: string; isCode: boolean; lines: string[] } | undefined;
  let label: Definition | undefined;
  const close = (name: string, lines: string[], end: string): void => {
    const visibility = [...(seen.get(name) ?? [])].sort().join(' ');
    // Neither common data nor a second name is in a section.
    const where = end === 'size' ? `${section}; ${align}` : end;
    definitions.set(name, { place: `${where}; ${visibility}`, lines });
    [open, label, align] = [undefined, undefined, ''];
  };
  for (const whole of text.split('\n')) {
    const line = whole.trim();
    if (ignored.test(line)) continue;
    if (open) {
      const [, end = '', of] = endOf.exec(line) ?? [];
      const ends = of === open.name;
      // Inside a function only inline assembly changes the section, and changes it back.
      if (ends || open.isCode || !placed(line)) open.lines.push(line);
      if (ends) close(open.name, open.lines, end);
      continue;
    }
    const [, name, kind] = typeOf.exec(line) ?? [];
    const mark = labelOf.exec(line)?.[1];
    if (name !== undefined) open = { name, isCode: kind === 'function', lines: [] };
    else if (placed(line)) label = undefined;
    else if (mark !== undefined) {
      label = { place: `${section}; ${align}`, lines: [] };
      labels.set(mark, label);
    } else label?.lines.push(line);
  }
  return { definitions, labels };

  /** Takes note of a line that says where what follows is put. */
  function placed(line: string): boolean {
    const [, as, name] = visibleAs.exec(line) ?? [];
    if (sectionChange.test(line)) [section, align] = [line, ''];
    else if (/^\.p2align\b/.test(line)) align = line;
    else if (as !== undefined && name !== undefined) seen.set(name, (seen.get(name) ?? new Set()).add(as));
    else return false;
    return true;
  }
}

/** Texts as data; quoted names, names, and references to the numbered labels of an assembler (`1b`: the last `1:`). */
const token =
  /\.(?:asciz?|string\d*)\s+"(?:[^"\\]|\\.)*"(?:\s*,\s*"(?:[^"\\]|\\.)*")*|"(?:[^"\\]|\\.)*"|(?<![\w.%])[A-Za-z_.][\w.$]*|(?<![\w$.%])\d+(?:[bf](?!\w)|:)/g;

const temporary = /^\.Ltmp\d+:$/;

const definedLabel = /(?:^|[;\s])("[^"]*"|[A-Za-z_.][\w.$]*|\d+):/g;

/**
 * The code or the content of a function or variable with all removed that depends on where it stands: labels of its own
 * are counted, private constants and tables of jumps stand for their content.
 * @param nameOf what another symbol is to be called
 * @returns undefined when the listing does not define it
 */
export function codeOf(
  listing: Listing,
  name: string,
  nameOf: (symbol: string) => string,
): string | undefined {
  const quoted = `"${name}"`;
  const definition = listing.definitions.get(name) ?? listing.definitions.get(quoted);
  if (!definition) return undefined;
  const own = new Map<string, string>();
  for (const line of definition.lines) {
    for (const [, label = ''] of line.matchAll(definedLabel)) own.set(label, '');
  }
  let count = 0;
  const counted = (label: string): string => {
    const known = own.get(label);
    if (known !== '' && known !== undefined) return known;
    const made = `L${(count += 1)}`;
    own.set(label, made);
    return made;
  };
  own.set(name, '&').set(quoted, '&');

  const textOf = ({ place, lines }: Definition, stack: readonly string[]): string =>
    [place, ...lines].map((line) => line.replace(token, (symbol) => replaced(symbol, stack))).join('\n');
  const replaced = (symbol: string, stack: readonly string[]): string => {
    // What a text says is no name, not even where an unnamed global is called `1` in the IR.
    if (/^\.(?:asciz?|string\d*)\s/.test(symbol)) return symbol;
    const [, digits, way] = /^(\d+)([bf:])$/.exec(symbol) ?? [];
    if (digits !== undefined) return own.has(digits) ? `${counted(digits)}${way}` : symbol;
    if (own.has(symbol)) return counted(symbol);
    const up = stack.indexOf(symbol);
    if (up >= 0) return `^${stack.length - up}`;
    const isPrivate = anonymousName.test(symbol);
    const content = isPrivate ? (listing.definitions.get(symbol) ?? listing.labels.get(symbol)) : undefined;
    if (content) return `{${textOf(content, [...stack, symbol])}}`;
    if (!symbol.startsWith('"')) return nameOf(symbol);
    const bare = symbol.slice(1, -1);
    return `"${nameOf(bare)}"`;
  };
  // Debug information leaves labels that nothing but itself uses, and no code.
  const used = new Set(
    definition.lines.flatMap((line) => (temporary.test(line) ? [] : (line.match(/\.Ltmp\d+/g) ?? []))),
  );
  const lines = definition.lines.filter((line) => !temporary.test(line) || used.has(line.slice(0, -1)));
  // A section may be named after what is in it.
  return textOf({ place: definition.place.replaceAll(name, '&'), lines }, []);
}
