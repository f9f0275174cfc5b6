import { elements } from './text.js';

interface Layout {
  size: number;
  align: number;
}

/**
 * The size of a type in memory on the 64-bit targets of the kernel (LLVM Language Reference, "Data Layout").
 * @param types named types of the module
 * @returns bytes, or undefined where the type leaves it open (opaque, an array without length) or is none that C
 *   variables of the kernel have
 */
export function typeSize(type: string, types: ReadonlyMap<string, string>): number | undefined {
  return layoutOf(type, types)?.size;
}

function layoutOf(type: string, types: ReadonlyMap<string, string>): Layout | undefined {
  if (/^ptr\b|\*$/.test(type)) return { size: 8, align: 8 };
  if (type === 'float') return { size: 4, align: 4 };
  if (type === 'double') return { size: 8, align: 8 };
  const bits = Number(/^i(\d+)$/.exec(type)?.[1] ?? 0);
  if (bits > 0) {
    const size = 2 ** Math.ceil(Math.log2(Math.ceil(bits / 8)));
    return size > 8 ? undefined : { size, align: size };
  }
  const array = /^\[(\d+) x (.*)\]$/s.exec(type);
  if (array) {
    const [, count, of = ''] = array;
    const one = layoutOf(of, types);
    return one && Number(count) > 0 ? { size: one.size * Number(count), align: one.align } : undefined;
  }
  if (type.startsWith('<{')) return structLayout(type.slice(1, -1), types, true);
  if (type.startsWith('{')) return structLayout(type, types, false);
  const named = types.get(type);
  return named === undefined ? undefined : layoutOf(named, types);
}

function structLayout(
  type: string,
  types: ReadonlyMap<string, string>,
  isPacked: boolean,
): Layout | undefined {
  let size = 0;
  let align = 1;
  for (const member of elements(type).filter((text) => text !== '')) {
    const layout = layoutOf(member, types);
    if (layout === undefined) return undefined;
    const step = isPacked ? 1 : layout.align;
    size = Math.ceil(size / step) * step + layout.size;
    align = Math.max(align, step);
  }
  return { size: Math.ceil(size / align) * align, align };
}
