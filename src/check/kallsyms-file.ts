import type { KlpError } from '../shared/errors.js';
import type { Found, NeededSymbol } from './types.js';
import { unusable } from './unusable.js';

/** The symbols of a kernel as /proc/kallsyms lists them. */
export interface KallsymsFile {
  label: string;
  /** All addresses are 0: the reader had no right to see them (kptr_restrict). */
  restricted: boolean;
  /** Names of modules that were loaded. */
  modules: ReadonlySet<string>;
  find: (needed: NeededSymbol) => Found;
  /** Whether the object has a symbol of this name. */
  has: (object: string, name: string) => boolean;
}

const line = /^([0-9a-f]{1,16}) ([A-Za-z?]) (\S+)(?:[ \t]+\[(\S+)\])?$/;

/** Lists that stand behind the kernel's own symbols in the form of modules, and are none. */
const noModule = /^(?:bpf|__builtin__\w+)$/;

/**
 * Reads a copy of /proc/kallsyms.
 *
 * The kernel prints its symbols in the order of its own table, where livepatches count equal names, and those of a module in
 * the order of the module's; so positions show in the order of lines, also where addresses are hidden. That holds only
 * as long as the file is whole and nobody has sorted it: the first and the last symbol of the kernel must be there, and
 * addresses, or lines where addresses are hidden, must not be in an order that the kernel's table would not have.
 * @param wanted names that will be asked for; no other is kept
 * @throws KlpError `kernel-file-unusable`
 */
export function readKallsyms(text: string, label: string, wanted: ReadonlySet<string>): KallsymsFile {
  const bad = (why: string): KlpError => unusable(label, `is not a usable copy of /proc/kallsyms: ${why}`);
  const kept = new Map<string, bigint[]>();
  const modules = new Set<string>();
  const ends = new Set<string>();
  let restricted = true;
  let ascending = true;
  let sorted = true;
  let last = 0n;
  let lastLine = '';
  let number = 0;
  for (const current of linesOf(text)) {
    number++;
    const match = line.exec(current);
    if (match === null) throw bad(`line ${number} is not \`address type name [module]\``);
    const [, address = '', , name = '', module] = match;
    const value = BigInt(`0x${address}`);
    if (value !== 0n) restricted = false;
    if (module === undefined) {
      if (modules.size > 0) throw bad(`line ${number}: a symbol of the kernel behind those of modules`);
      if (value < last) ascending = false;
      if (current < lastLine) sorted = false;
      last = value;
      lastLine = current;
      if (name === '_text' || name === '_stext' || name === '_end') ends.add(name);
    } else if (noModule.test(module)) continue;
    else modules.add(module);
    if (!wanted.has(name)) continue;
    const key = `${module ?? 'vmlinux'} ${name}`;
    kept.set(key, [...(kept.get(key) ?? []), value]);
  }
  if (text === '') throw bad('it is empty');
  if (!text.endsWith('\n')) throw bad('its last line is cut off');
  if (!ends.has('_end') || ends.size < 2) {
    throw bad(
      'it lacks _text or _end, the first and last symbol of the kernel (a kernel without CONFIG_KALLSYMS_ALL, which ' +
        'livepatches need, has no _end)',
    );
  }
  if (restricted ? sorted : !ascending) throw bad('its lines are not in the order of the kernel');
  return {
    label,
    restricted,
    modules,
    has: (object, name) => kept.has(`${object} ${name}`),
    find: (needed) => place(kept.get(`${needed.object} ${needed.name}`) ?? [], needed, restricted, label),
  };
}

function* linesOf(text: string): Generator<string> {
  for (let from = 0; from < text.length;) {
    const end = text.indexOf('\n', from);
    yield text.slice(from, end < 0 ? undefined : end);
    if (end < 0) return;
    from = end + 1;
  }
}

function place(
  addresses: readonly bigint[],
  { name, sympos }: NeededSymbol,
  restricted: boolean,
  label: string,
): Found {
  const counted = countedPlace(addresses.length, name, sympos, label);
  if (!counted.ok) return counted;
  if (!restricted && addresses[Math.max(sympos, 1) - 1] === 0n) return addressZero(name);
  return counted;
}

/** The kernel takes an address of 0 for "not found". */
function addressZero(name: string): Found {
  return {
    ok: false,
    code: 'symbol-not-in-kernel',
    why: `${name} has address 0, which the kernel takes for none`,
  };
}

/**
 * What the kernel says to a name and position when it has `of` symbols of the name (klp_find_object_symbol).
 * @param label where they were counted
 */
export function countedPlace(of: number, name: string, sympos: number, label: string): Found {
  if (of === 0) return { ok: false, code: 'symbol-not-in-kernel', why: `${label} has no ${name}` };
  if (sympos === 0 && of > 1) {
    const why = `${label} has ${of} symbols ${name}, and the livepatch does not say which`;
    return { ok: false, code: 'symbol-position-differs', why };
  }
  if (sympos > of) {
    const why = `${label} has ${of === 1 ? 'only one symbol' : `${of} symbols`} ${name}, and the livepatch asks for number ${sympos}`;
    return { ok: false, code: 'symbol-position-differs', why };
  }
  return { ok: true, of };
}
