import { bareName } from '../ir/text.js';

/**
 * A static branch as clang writes it (arch/…/include/asm/jump_label.h): inline asm that records the place in
 * `__jump_table`, with the key and the branch's sense as operands, and two successors.
 */
const staticBranch =
  /^( *)callbr void asm sideeffect "[^"]*__jump_table[^"]*", "i,i,!i[^"]*"\(ptr (?:nonnull )?(?<key>@(?:[-\w$.]+|"[^"]*")|getelementptr[^(]*\([^()]*\)), i(?:1|8|32|64) (?<sense>true|false|\d+)\)[^\n]*\n? *to label (?<straight>%[-\w$.]+) \[label (?<aside>%[-\w$.]+)\]/gm;

/**
 * Static branches whose key lives in a module cannot be recorded by a livepatch: the record would point nowhere until
 * that module is loaded. They become ordinary branches that read the key when they are reached: the same decision,
 * taken a little slower. (The jump is taken when the key's state differs from the branch's sense: kernel/jump_label.c,
 * jump_label_type().)
 */
export function readKeysAtRunTime(
  body: string,
  late: ReadonlySet<string>,
  found: (key: string) => void,
): string {
  let count = 0;
  return body.replace(staticBranch, (all: string, indent: string, ...rest: unknown[]) => {
    const { key, sense, straight, aside } = rest.at(-1) as Record<
      'key' | 'sense' | 'straight' | 'aside',
      string
    >;
    const name = bareName(/@(?:[-\w$.]+|"[^"]*")/.exec(key)?.[0] ?? '@');
    if (!late.has(name)) return all;
    found(name);
    count += 1;
    const id = `%klp.key.${count}`;
    // Bit 0 is the branch's sense; x86 sets bit 1 where objtool is to turn the jump into a nop (asm/jump_label.h).
    const test = sense === 'true' || (Number(sense) & 1) === 1 ? 'eq' : 'ne';
    return [
      `${indent}${id} = load atomic i32, ptr ${key} monotonic, align 4`,
      `${indent}${id}.on = icmp ${test} i32 ${id}, 0`,
      `${indent}br i1 ${id}.on, label ${aside}, label ${straight}`,
    ].join('\n');
  });
}
