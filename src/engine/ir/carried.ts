import { bareName, isAddress } from './text.js';

interface Instruction {
  /** Its value, as in `%5`. */
  result: string | undefined;
  name: string;
}

const instruction = /^\s*(?:(%(?:[-\w$.]+|"[^"]*")) = )?(?:(?:tail|musttail|notail) )?(\w+)/;

/** Instructions whose result is what went in, holds it, or points into it. */
const carriers: ReadonlySet<string> = new Set(
  (
    'select phi freeze getelementptr bitcast addrspacecast ptrtoint inttoptr add sub or and ' +
    'insertvalue extractvalue insertelement extractelement shufflevector'
  ).split(' '),
);

const token = /c?"[^"]*"|;[^\n]*|[@%](?:[-\w$.]+|"[^"]*")/g;

/** The instruction of a line of a function's body; of other lines (labels, the rest of a switch) the first word. */
export function instructionOf(line: string): Instruction {
  const [, result, name = ''] = instruction.exec(line) ?? [];
  return { result, name };
}

export function isCarrier(name: string): boolean {
  return carriers.has(name);
}

/** Whose addresses the values of a function are or hold, by value (`%5`). */
export type Carried = ReadonlyMap<string, ReadonlySet<string>>;

/** An address in a line: where it stands, and which one it may be. */
interface Address {
  index: number;
  what: ReadonlySet<string>;
}

/** The addresses that a line has, whether it is said outright or in a value that carries it. */
export function addressesAt(line: string, carried: Carried): Address[] {
  return [...line.matchAll(token)].flatMap(({ 0: text, index }): Address[] => {
    if (text.startsWith('@'))
      return isAddress(line, index) ? [{ index, what: new Set([bareName(text)]) }] : [];
    const what = text.startsWith('%') && line[index + text.length] !== '(' ? carried.get(text) : undefined;
    return what ? [{ index, what }] : [];
  });
}

/**
 * Follows addresses from where a function names them through what chooses, moves and wraps them.
 * @param lines the function's body
 * @param isWanted whose address is followed
 */
export function carriedIn(lines: readonly string[], isWanted: (name: string) => boolean): Carried {
  const found = new Map<string, Set<string>>();
  const carrying = lines.flatMap((line) => {
    const { result, name } = instructionOf(line);
    return result !== undefined && isCarrier(name)
      ? [{ result, operands: line.slice(line.indexOf('=') + 1) }]
      : [];
  });
  // A value of a loop may be used before it is made, so until no further one is found.
  for (let grown = true; grown;) {
    grown = false;
    for (const { result, operands } of carrying) {
      const known = found.get(result) ?? new Set();
      const size = known.size;
      for (const { what } of addressesAt(operands, found))
        for (const name of what) if (isWanted(name)) known.add(name);
      if (known.size === size) continue;
      found.set(result, known);
      grown = true;
    }
  }
  return found;
}
