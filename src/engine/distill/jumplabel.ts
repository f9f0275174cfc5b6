import { closingBracket, elements, globalsIn, typeEnd } from '../ir/text.js';

/** Inline asm that ends a block and records its place in `__jump_table`, up to its operands. */
const start = /^( *)callbr void asm sideeffect "[^"]*__jump_table[^"]*", "[^"]*"\(/gm;

/** What follows the operands: attributes, and the block after the asm and the one that it may jump to. */
const successors = /^[^\n]*\n? *to label (%[-\w$.]+) \[label (%[-\w$.]+)\][^\n]*/;

/**
 * Not every static branch can be recorded by a livepatch: where the key lives in a module, the record would point nowhere
 * until that module is loaded; where it is read-only, some kernels fault on it. These become ordinary branches that read
 * the key when they are reached: the same decision, taken a little slower.
 *
 * A static branch is written as inline asm with two successors whose operands add up to the word of the record that
 * names the key (arch/…/include/asm/jump_label.h): its address, and in bit 0 the sense of the branch, which one
 * architecture passes as an operand of its own and another adds to the address. Bit 1 is a note for tools. The jump is
 * taken when the key's state differs from the sense (kernel/jump_label.c, jump_label_type()).
 */
export function readKeysAtRunTime(
  body: string,
  unlinked: Pick<ReadonlySet<string>, 'has'>,
  found: (key: string) => void,
): string {
  let result = '';
  let done = 0;
  let count = 0;
  for (const match of body.matchAll(start)) {
    const [head, indent = ''] = match;
    const open = match.index + head.length - 1;
    const close = closingBracket(body, open);
    // LLVM 14 names the block to jump to by an operand too.
    const operands = elements(body.slice(open, close)).filter((o) => !o.includes('blockaddress('));
    const key = operands.flatMap((o) => globalsIn(o)).find((name) => unlinked.has(name));
    const after = successors.exec(body.slice(close));
    if (key === undefined || after === null) continue;
    found(key);
    count += 1;
    result += body.slice(done, match.index) + branch(`%klp.key.${count}`, indent, operands, after);
    done = close + after[0].length;
  }
  return result + body.slice(done);
}

/** Names begin with `id`. */
function branch(id: string, indent: string, operands: readonly string[], after: RegExpExecArray): string {
  const [, straight = '', aside = ''] = after;
  const lines: string[] = [];
  let pointer = 'ptr';
  let word = '0';
  operands.forEach((operand, i) => {
    const type = operand.slice(0, typeEnd(operand, 0));
    // Attributes of the operand stand between type and value.
    const value = operand
      .slice(type.length)
      .replace(/^(?: (?:nonnull|noundef|align \d+|dereferenceable\(\d+\)))* /, '');
    let term = value;
    if (!/^i\d+$/.test(type)) {
      if (type.endsWith('*')) pointer = 'i32*';
      lines.push(`${id}.${i} = ptrtoint ${type} ${value} to i64`);
      term = `${id}.${i}`;
    } else if (type !== 'i64') {
      lines.push(`${id}.${i} = zext ${type} ${value} to i64`);
      term = `${id}.${i}`;
    }
    if (i > 0) lines.push(`${id}.sum${i} = add i64 ${word}, ${term}`);
    word = i > 0 ? `${id}.sum${i}` : term;
  });
  lines.push(
    `${id}.place = and i64 ${word}, -4`,
    `${id}.pointer = inttoptr i64 ${id}.place to ${pointer}`,
    `${id}.state = load atomic i32, ${pointer} ${id}.pointer monotonic, align 4`,
    `${id}.on = icmp ne i32 ${id}.state, 0`,
    `${id}.sense = trunc i64 ${word} to i1`,
    `${id}.jump = xor i1 ${id}.on, ${id}.sense`,
    `br i1 ${id}.jump, label ${aside}, label ${straight}`,
  );
  return lines.map((line) => indent + line).join('\n');
}
