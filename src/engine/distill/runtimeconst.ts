import { pointerTo, type IrFunction, type IrModule, type IrVariable } from '../ir/module.js';

/**
 * Constants that the kernel writes into its own code while it boots (asm/runtime-const.h): inline asm with a placeholder,
 * and a record of the place in a section `runtime_ptr_SYMBOL` or `runtime_shift_SYMBOL`. Nobody reads those records
 * of a module, so the placeholder would stay; headers give modules the variable itself instead, and so does this.
 */
const pointer =
  /^( *)(%[-\w$.]+) = (?:tail |notail )?call ([^"\n]*?) asm [^"\n]*"[^"]*\.pushsection runtime_ptr_(\w+)[^\n]*$/gm;

const shift =
  /^( *)(%[-\w$.]+) = (?:tail |notail )?call (i32|i64) asm [^"\n]*"[^"]*\.pushsection runtime_shift_(\w+)[^"]*", "[^"]*"\((i32|i64) (?:noundef )?([^,)]+)\)[^\n]*$/gm;

/** The module with runtime constants read from their variables. `f` of the given functions alone are rewritten. */
export function withRuntimeConstants(module: IrModule, functions: ReadonlySet<string>): IrModule {
  const globals = new Map(module.globals);
  let count = 0;
  const declare = (name: string, type: string): void => {
    if (!globals.has(name)) globals.set(name, externalVariable(name, type));
  };
  for (const name of functions) {
    const f = globals.get(name);
    if (f?.kind !== 'function' || !f.body.includes('.pushsection runtime_')) continue;
    const body = f.body
      .replace(pointer, (_: string, indent: string, result: string, type: string, symbol: string) => {
        declare(symbol, type);
        return `${indent}${result} = load ${type}, ${pointerTo(module, type)} @${symbol}, align 8`;
      })
      .replace(
        shift,
        (
          _: string,
          indent: string,
          result: string,
          type: string,
          symbol: string,
          from: string,
          value: string,
        ) => {
          declare(symbol, 'i32');
          count += 1;
          const id = `%klp.shift.${count}`;
          const low = from === 'i32' ? value : `${id}.low`;
          // The shift is one of 32 bits, and clears what is above them.
          return [
            `${indent}${id} = load i32, ${pointerTo(module, 'i32')} @${symbol}, align 4`,
            ...(from === 'i32' ? [] : [`${indent}${low} = trunc ${from} ${value} to i32`]),
            type === 'i32'
              ? `${indent}${result} = lshr i32 ${low}, ${id}`
              : `${indent}${id}.high = lshr i32 ${low}, ${id}\n${indent}${result} = zext i32 ${id}.high to ${type}`,
          ].join('\n');
        },
      );
    globals.set(name, { ...f, body } satisfies IrFunction);
  }
  return { ...module, globals };
}

function externalVariable(name: string, type: string): IrVariable {
  return {
    kind: 'variable',
    name,
    declared: true,
    local: false,
    linkage: 'external',
    constant: false,
    before: 'external dso_local',
    type,
    initialiser: '',
    after: ', align 8',
  };
}
