import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { KlpError } from '../../shared/errors.js';
import type { KernelTree } from '../types.js';
import { objectsApart, whyApart } from './apart.js';
import { cmdPathOf, parseCmdFile } from './cmd.js';

/** The reason why no object of the kernel was made from a file. */
export async function noUnit(tree: KernelTree, path: string): Promise<KlpError> {
  const object = path.replace(/\.[^./]+$/, '.o');
  const compiled = await recordedObject(tree, object);
  if (compiled !== undefined) {
    return new KlpError(
      'object-not-livepatchable',
      `${path} is compiled to ${compiled}, which is linked neither into vmlinux nor into a module`,
      { file: path, object: compiled },
    );
  }
  const [apart] = await objectsApart(tree, [path]);
  if (apart !== undefined) {
    return new KlpError(
      'object-not-livepatchable',
      `${path} is read by ${apart.object} alone, ${whyApart(apart.object)}`,
      { file: path, object: apart.object },
    );
  }
  const why = /\.[cS]$/.test(path) ? await whyNotBuilt(tree, object) : undefined;
  const tail = why === undefined ? '' : `: ${why.text}`;
  return new KlpError('not-built', `no object of this kernel was made from ${path}${tail}`, {
    file: path,
    ...(why?.advice === undefined ? {} : { advice: why.advice }),
  });
}

/** The object, if the build made one from a file of this name that it did not link. */
async function recordedObject(tree: KernelTree, object: string): Promise<string | undefined> {
  // A host program made of one source is compiled and linked in one step; some objects are only made for their text.
  const records = [object, object.replace(/\.o$/, ''), object.replace(/\.o$/, '.s')].map(cmdPathOf);
  for (const path of records) {
    const text = await readFile(join(tree.dir, path), 'utf8').catch(() => undefined);
    if (text !== undefined) return parseCmdFile(path, text).target;
  }
  return undefined;
}

/** A line of a Makefile that lists an object: `obj-$(CONFIG_X) += a.o b.o`, `name-y := …`. */
interface Listing {
  makefile: string;
  line: number;
  /** What stands before the dash: `obj`, `lib`, or the name of an object made of several. */
  list: string;
  option: string | undefined;
  text: string;
}

/** Follows the Makefile lines that list an object up to the option that decides, as far as they can be read. */
async function whyNotBuilt(
  tree: KernelTree,
  object: string,
): Promise<{ text: string; advice?: string } | undefined> {
  let wanted = object;
  const deepest = 16;
  for (let depth = 0; depth < deepest && wanted !== './'; depth++) {
    const listing = await findListing(tree, wanted);
    if (!listing) {
      const makefile = join(dirname(wanted), 'Makefile');
      return depth === 0 ? { text: `${makefile} has no line that lists ${basename(wanted)}` } : undefined;
    }
    const { makefile, line, option, text, list } = listing;
    const value = option === undefined ? 'y' : (tree.config.get(option) ?? 'not set');
    if (option !== undefined && value !== 'y' && value !== 'm') {
      return {
        text: `${makefile}:${line} decides (\`${text}\`), and ${option} is ${value}`,
        advice: `Leave the file out of the patch: this kernel does not contain it. Or use a kernel with ${option}.`,
      };
    }
    // An object of its own is built when its folder is entered; a part of another when that one is.
    wanted = lists.has(list) ? `${dirname(wanted)}/` : join(dirname(wanted), `${list}.o`);
  }
  return undefined;
}

/** Kbuild's lists of whole objects and folders, as against the parts of one object. */
const lists = new Set(['obj', 'lib', 'core', 'drivers', 'net', 'libs']);

async function findListing(tree: KernelTree, wanted: string): Promise<Listing | undefined> {
  const folder = dirname(wanted);
  const name = basename(wanted) + (wanted.endsWith('/') ? '/' : '');
  for (const makefile of ['Kbuild', 'Makefile'].map((file) => join(folder, file))) {
    const text = await readFile(join(tree.source, makefile), 'utf8').catch(() => undefined);
    const found = text === undefined ? undefined : searchListing(text, name);
    if (found) return { makefile, ...found };
  }
  return undefined;
}

function searchListing(text: string, name: string): Omit<Listing, 'makefile'> | undefined {
  let start = 0;
  let logical = '';
  for (const [i, part] of text.split('\n').entries()) {
    if (logical === '') start = i + 1;
    logical += part;
    if (logical.endsWith('\\')) {
      logical = `${logical.slice(0, -1)} `;
      continue;
    }
    const line = logical.replace(/#.*$/, '');
    logical = '';
    const head = /^\s*([\w-]+?)-(?:(y|m|objs)|\$\((CONFIG_\w+)\))\s*[:+]?=(.*)$/.exec(line);
    if (!head || !(head[4] ?? '').split(/\s+/).includes(name)) continue;
    const assignment = (head[0].split('=')[0] ?? '').trim();
    return { line: start, list: head[1] ?? '', option: head[3], text: `${assignment}= … ${name}` };
  }
  return undefined;
}
