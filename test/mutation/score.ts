import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { differs } from '../../src/engine/analyse.js';
import { diffModules } from '../../src/engine/diff/diff.js';
import { parseModule } from '../../src/engine/ir/module.js';
import { openKernel } from '../../src/engine/kernel/tree.js';
import { unitsByPath } from '../../src/engine/kernel/units.js';
import { codeArgv, compileToBitcode, disassemble } from '../../src/engine/object/compile.js';
import type { TranslationUnit } from '../../src/engine/types.js';
import { run } from '../../src/shared/run.js';
import { operators, type Operator } from './operators.js';

/** What became of the mutants of one kind. `missed`: the code differs, and the diff does not see it. */
export interface Score {
  kind: string;
  mutants: number;
  caught: number;
  equivalent: number;
  missed: number;
  /** The lines of those that were missed, before and after. */
  examples: string[];
}

/** Numbers below a bound, the same ones for the same seed (mulberry32). */
export function random(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  };
}

interface Mutant {
  kind: string;
  text: string;
  before: string;
  after: string;
  /** The function that was changed, for what is in a body. */
  inside?: string;
}

/** Up to `count` mutants of each kind. */
export function mutantsOf(text: string, count: number, seed: number): Mutant[] {
  const lines = text.split('\n');
  const sites: Record<Operator['where'], number[]> = { body: [], head: [], module: [] };
  const owner = new Map<number, string>();
  let inside: string | undefined;
  lines.forEach((line, i) => {
    if (line.startsWith('define ')) {
      inside = /@([-\w.$]+|"[^"]*")\(/.exec(line)?.[1];
      sites.head.push(i);
    } else if (line === '}') inside = undefined;
    else if (inside !== undefined) {
      sites.body.push(i);
      owner.set(i, inside);
    } else if (line !== '') sites.module.push(i);
  });
  const pick = random(seed);
  return operators.flatMap(({ kind, where, apply }) => {
    const open = [...sites[where]];
    const made: Mutant[] = [];
    while (open.length > 0 && made.length < count) {
      const [at = 0] = open.splice(pick(open.length), 1);
      const before = lines[at] ?? '';
      const after = apply(before, pick);
      if (after === undefined || after === before) continue;
      const changed = [...lines.slice(0, at), after, ...lines.slice(at + 1)].join('\n');
      const f = owner.get(at);
      made.push({ kind, text: changed, before, after, ...(f === undefined ? {} : { inside: f }) });
    }
    return made;
  });
}

/**
 * Makes mutants of the IR of real files and asks the diff for each. Where it sees nothing the compiler decides: the same
 * object means that the change is none.
 */
export async function score(
  kernelDir: string,
  files: string[],
  count: number,
  seed: number,
): Promise<Score[]> {
  const tree = await openKernel(kernelDir);
  const found = await unitsByPath(tree, files);
  const dir = await mkdtemp(join(tmpdir(), 'klp-mutants-'));
  const scores = new Map(
    operators.map(({ kind }) => [
      kind,
      { kind, mutants: 0, caught: 0, equivalent: 0, missed: 0, examples: [] as string[] },
    ]),
  );
  try {
    for (const [n, file] of files.entries()) {
      const unit = found.get(file)?.find((u) => u.source === file);
      if (!unit) throw new Error(`${file} is not in this kernel`);
      const bitcode = join(dir, 'original.bc');
      await compileToBitcode(unit, bitcode, {});
      const text = await disassemble(unit, bitcode, {});
      const original = parseModule(text, file);
      const object = await objectOf(unit, text, join(dir, 'original'));
      if (!object) throw new Error(`the IR of ${file} does not compile again`);
      for (const mutant of mutantsOf(text, count, seed + n)) {
        const line = scores.get(mutant.kind);
        if (!line) continue;
        const diff = diffModules(original, parseModule(mutant.text, file));
        const isSeen =
          mutant.inside === undefined ? differs(diff) : diff.changed.has(mutant.inside.replaceAll('"', ''));
        const mine = isSeen ? undefined : await objectOf(unit, mutant.text, join(dir, 'mutant'));
        if (isSeen ? !(await isIr(unit, mutant.text, dir)) : !mine) continue;
        line.mutants += 1;
        if (isSeen) line.caught += 1;
        else if (mine && Buffer.compare(mine, object) === 0) line.equivalent += 1;
        else {
          line.missed += 1;
          line.examples.push(`${file} ${mutant.inside ?? ''}\n  - ${mutant.before}\n  + ${mutant.after}`);
        }
      }
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return [...scores.values()];
}

/** The object that is generated from IR as the engine does it; undefined when the IR is not valid. */
async function objectOf(unit: TranslationUnit, text: string, path: string): Promise<Buffer | undefined> {
  await writeFile(`${path}.ll`, text);
  try {
    await run(codeArgv(unit, `${path}.ll`, `${path}.o`), { cwd: unit.cwd });
    return await readFile(`${path}.o`);
  } catch {
    return undefined;
  }
}

async function isIr(unit: TranslationUnit, text: string, dir: string): Promise<boolean> {
  const program = (unit.compile[0] ?? 'clang').replace(/clang(-\d+)?$/, 'llvm-as$1');
  const path = join(dir, 'seen.ll');
  await writeFile(path, text);
  try {
    await run([program, '-o', '/dev/null', path]);
    return true;
  } catch {
    return false;
  }
}
