import { describe, expect, it } from 'vitest';
import { canonicaliser } from '../../../../src/engine/ir/canonical.js';
import { parseModule, type IrFunction } from '../../../../src/engine/ir/module.js';

/** The canonical text of function `f` of a module. */
function bodyOf(types: string, body: string): string {
  const module = parseModule(`${types}\ndefine void @f() {\n${body}\n  ret void\n}\n`, 'x.ll');
  return canonicaliser(module).body(module.globals.get('f') as IrFunction).text;
}

describe('types in canonical text', () => {
  const use = '  %1 = getelementptr %s, %s* null, i32 0, i32 1';

  it('that a typed pointer points to count by their name', () => {
    const before = bodyOf('%s = type { %t.4*, i32 }\n%t.4 = type { i32 }', use);
    const after = bodyOf('%s = type { %t.7*, i32 }\n%t.7 = type { i64 }', use);
    expect(after).toBe(before);
    expect(bodyOf('%s = type { %u*, i32 }\n%u = type { i32 }', use)).not.toBe(before);
  });

  it('count by their content where they are used', () => {
    const before = bodyOf('%s = type { %t, i32 }\n%t = type { i32 }', use);
    expect(bodyOf('%s = type { %t, i32 }\n%t = type { i64 }', use)).not.toBe(before);
  });

  it('may all reach each other by pointers, as those of a kernel do', () => {
    const all = Array.from({ length: 60 }, (_, i) => `%s${i}`);
    const types = all.map((name) => `${name} = type { ${all.map((other) => `${other}*`).join(', ')} }`);
    expect(bodyOf(types.join('\n'), '  %1 = alloca %s0')).toContain('alloca %T');
  });
});
