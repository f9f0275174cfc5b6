import { addressesAt, carriedIn } from '../ir/carried.js';
import type { IrModule } from '../ir/module.js';
import { closingBracket, elements } from '../ir/text.js';

/** What the code of a module does to variables that it does not define. */
export interface Writes {
  /** Names of the variables that it writes to. */
  written: ReadonlySet<string>;
  /** Names of those whose address it hands on as that of something writable: who gets it may write. */
  handedOn: ReadonlySet<string>;
}

/**
 * Finds the variables that optimised code writes to, directly or at an address that it computed from theirs.
 * @param module textual IR of the code, parsed
 */
export function writesOf(module: IrModule): Writes {
  const written = new Set<string>();
  const handedOn = new Set<string>();
  for (const f of module.globals.values()) {
    if (f.kind !== 'function' || f.declared) continue;
    const lines = f.body.split('\n').map((line) => line.trim());
    const carried = carriedIn(lines, () => true);
    const targets = (text: string): string[] => addressesAt(text, carried).flatMap(({ what }) => [...what]);
    for (const line of lines) {
      for (const text of writtenOperands(line)) for (const name of targets(text)) written.add(name);
      for (const text of handedOperands(line)) for (const name of targets(text)) handedOn.add(name);
    }
  }
  const isMutable = (name: string): boolean => {
    const g = module.globals.get(name);
    return g?.kind === 'variable' && g.declared && !g.constant;
  };
  return {
    written: new Set([...written].filter(isMutable)),
    handedOn: new Set([...handedOn].filter(isMutable)),
  };
}

/** The operands of an instruction that are addresses it writes to. */
function writtenOperands(line: string): string[] {
  const text = line.replace(/^%\S+ = /, '');
  const plain = /^(store|atomicrmw|cmpxchg)(?: weak| atomic| volatile)* (.*)$/.exec(text);
  if (plain) {
    const [first = '', second = ''] = elements(`(${plain[2] ?? ''})`);
    return [plain[1] === 'store' ? second : first];
  }
  const call = callOf(text);
  if (call === undefined) return [];
  if (/@(?:llvm\.|__)?mem(?:cpy|move|set)\b/.test(call.callee)) return call.operands.slice(0, 1);
  return asmOperands(call, /^[=+].*\*/);
}

/** The operands that others get: arguments of calls, and values that are stored. */
function handedOperands(line: string): string[] {
  const text = line.replace(/^%\S+ = /, '');
  const store = /^store(?: atomic| volatile)* (.*)$/.exec(text);
  if (store) return elements(`(${store[1] ?? ''})`).slice(0, 1);
  const call = callOf(text);
  if (call === undefined || /@llvm\./.test(call.callee)) return [];
  if (isAsm.test(call.callee)) return asmOperands(call, /^[\dr]/);
  return call.operands.filter((operand) => !/\b(?:readonly|readnone)\b/.test(operand));
}

const isAsm = /\basm (?:[a-z]+ )*"[^"]*", "([^"]*)"$/;

/** The operands of inline assembly that have such a constraint (LLVM Language Reference, "Constraint String"). */
function asmOperands({ callee, operands }: Call, wanted: RegExp): string[] {
  // Clobbers and labels have no operand, and of outputs only those in memory have one: the address.
  const constraints = (isAsm.exec(callee)?.[1] ?? '')
    .split(',')
    .filter((text) => !/^[~!]/.test(text) && (!/^[=+]/.test(text) || text.includes('*')));
  return operands.filter((_, i) => wanted.test(constraints[i] ?? ''));
}

interface Call {
  /** What is called, with the text before it. */
  callee: string;
  operands: string[];
}

function callOf(text: string): Call | undefined {
  if (!/^(?:(?:tail|musttail|notail) )?call\b|^callbr\b/.test(text)) return undefined;
  const asm = /\basm (?:[a-z]+ )*"[^"]*", "[^"]*"\(/.exec(text);
  const callee = asm ?? /(?:@(?:[-\w$.]+|"[^"]*")|%[-\w$.]+)\(/.exec(text);
  if (callee === null) return undefined;
  const start = callee.index + callee[0].length - 1;
  const end = closingBracket(text, start);
  return { callee: text.slice(0, start), operands: elements(text.slice(start, end)) };
}
