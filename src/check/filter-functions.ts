import type { KlpError } from '../shared/errors.js';
import type { NeededSymbol, TraceSource } from './types.js';
import { unusable } from './unusable.js';

/** The functions that ftrace of a running kernel can enter. */
export interface FilterFunctions extends TraceSource {
  /** Names of modules that were loaded. */
  modules: ReadonlySet<string>;
}

const line = /^(\S+)(?:[ \t]+\[(\S+)\])?$/;

/**
 * Reads a copy of /sys/kernel/tracing/available_filter_functions: a name on each line, and `[module]` behind it.
 * @throws KlpError `kernel-file-unusable`
 */
export function readFilterFunctions(text: string, label: string): FilterFunctions {
  const counts = new Map<string, number>();
  const modules = new Set<string>();
  const lines = text.split('\n');
  const bad = (why: string): KlpError =>
    unusable(label, `is not a usable copy of available_filter_functions: ${why}`);
  if (lines.pop() !== '' || lines.length === 0) throw bad('it is empty, or its last line is cut off');
  lines.forEach((text, i) => {
    const match = line.exec(text);
    if (match === null) throw bad(`line ${i + 1} is not \`function [module]\``);
    const [, name = '', module] = match;
    if (module !== undefined) modules.add(module);
    const key = `${module ?? 'vmlinux'} ${name}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  });
  return {
    label,
    modules,
    traceable: ({ object, name }: NeededSymbol, of) => {
      const listed = counts.get(`${object} ${name}`) ?? 0;
      if (listed === 0) return false;
      // It does not tell which of equal names are in it, unless all are.
      return listed >= of ? true : undefined;
    },
  };
}
