import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openKernel } from '../../src/engine/kernel/tree.js';
import { unitsFor } from '../../src/engine/kernel/units.js';
import { bothTexts, textWithPatch } from '../../src/engine/object/assembly.js';
import { writeOverlay } from '../../src/engine/object/compile.js';
import { align } from '../../src/engine/patch/align.js';
import { inParallel } from '../../src/shared/parallel.js';
import { random } from './score.js';

/** What was found of one change of a header and one unit that reads it. */
export interface Found {
  header: string;
  function: string;
  object: string;
  text: 'same' | 'unused' | 'different';
  sameCode: boolean;
}

/** New declarations of each kind that may be left out of sight. */
const fresh = `struct klp_fresh { int x; };
extern int klp_fresh_variable;
int klp_fresh_prototype(struct klp_fresh *f);
static inline int klp_fresh_inline(struct klp_fresh *f)
{
	static int once = 1;
	return f->x + once + klp_fresh_variable;
}

`;

/** Inline functions of a header, each with the place behind its opening brace. */
const inlineFunction = /^static (?:inline|__always_inline)[^;{}]*?\b(\w+)\([^;{}]*\)\n\{\n/gm;

/**
 * Changes inline functions of headers one at a time, adds declarations before them, and compiles some of the units that
 * read the header with and without: is the code really the same of those whose text is said to differ in what they do
 * not use?
 */
export async function unusedInUnits(
  kernel: string,
  headers: readonly string[],
  seed: number,
  count: number,
): Promise<Found[]> {
  const tree = await openKernel(kernel);
  const pick = random(seed);
  const dir = await mkdtemp(join(tmpdir(), 'klp-unused-'));
  try {
    const found: Found[] = [];
    for (const header of headers) {
      const original = await readFile(join(tree.source, header), 'utf8');
      const functions = [...original.matchAll(inlineFunction)];
      const units = (await unitsFor(tree, [header])).filter(({ source }) => source.endsWith('.c'));
      for (let i = 0; i < count; i++) {
        const match = functions[pick(functions.length)];
        if (match === undefined) throw new Error(`${header} has no inline functions`);
        const body = match.index + match[0].length;
        const patched = `${original.slice(0, match.index)}${fresh}${match[0]}\tasm volatile("nop");\n${original.slice(body)}`;
        const overlay = await writeOverlay(
          tree,
          new Map([[header, align({ path: header, original, patched, changed: [] })]]),
          dir,
        );
        const some = Array.from({ length: 4 }, () => units[pick(units.length)]).filter(
          (u) => u !== undefined,
        );
        found.push(
          ...(await inParallel(some, 2, async (unit) => {
            const text = await textWithPatch(unit, { overlay });
            const [a, b] = text === 'unused' ? await bothTexts(unit, ['-S', '-g0'], { overlay }) : ['', ''];
            return { header, function: match[1] ?? '', object: unit.object, text, sameCode: a === b };
          })),
        );
      }
    }
    return found;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** KERNEL SEED COUNT OUTPUT HEADER...: writes what was found as JSON. */
const [kernel = '', seed, count, output = '', ...headers] = process.argv.slice(2);
await writeFile(output, JSON.stringify(await unusedInUnits(kernel, headers, Number(seed), Number(count))));
