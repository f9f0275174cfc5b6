import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KlpError } from '../shared/errors.js';
import { stage } from '../shared/progress.js';
import type { Finding } from '../shared/result.js';
import type { EngineContext } from './context.js';
import { diffModules, type ModuleDiff } from './diff/diff.js';
import { parseModule, type IrModule } from './ir/module.js';
import { agree } from './object/agree.js';
import { compileToBitcode, disassemble, firstDiagnostic, generateCode, listCode } from './object/compile.js';
import { proveMatch } from './object/fidelity.js';
import { readListing, type Listing } from './object/listing.js';
import { atPatchedLines } from './patch/diagnostics.js';
import type { KernelTree, PatchedFile, TranslationUnit } from './types.js';

/** A translation unit before and after the patch. */
export interface AnalysedUnit {
  unit: TranslationUnit;
  /** The unit's own source file if the patch changes it; a unit may also change by a header alone. */
  file: PatchedFile | undefined;
  original: IrModule;
  patched: IrModule;
  diff: ModuleDiff;
  /** This unit's folder for intermediate files. */
  dir: string;
}

/** Does anything differ that reaches code or data? */
export function differs(diff: ModuleDiff): boolean {
  return (
    diff.changed.size + diff.changedData.size + diff.addedData.size + diff.removedData.size > 0 ||
    diff.added.size + diff.removed.size + diff.aliases.length + diff.opened.size > 0 ||
    diff.asm.added.length + diff.asm.removed.length > 0
  );
}

/**
 * Compiles a unit with and without the patch, proves that the unpatched code is the kernel's, and compares the two.
 * @param overlay the VFS overlay that serves all patched files
 * @throws KlpError `does-not-compile` at the patch's line, `compile-mismatch`
 */
export async function analyse(
  tree: KernelTree,
  unit: TranslationUnit,
  files: readonly PatchedFile[],
  overlay: string,
  context: EngineContext,
): Promise<AnalysedUnit> {
  // One object may be part of several modules.
  const dir = join(context.dir, `${unit.objname}_${unit.object.replaceAll('/', '_')}`.replace(/\.o$/, ''));
  await mkdir(dir, { recursive: true });
  const path = { original: join(dir, 'original.bc'), patched: join(dir, 'patched.bc') };
  const module = async (which: 'original' | 'patched'): Promise<IrModule> => {
    const text = await stage(
      'disassemble',
      context,
      () => disassemble(unit, path[which], context),
      unit.source,
    );
    const ll = join(dir, `${which}.ll`);
    await writeFile(ll, text);
    return parseModule(text, ll);
  };
  const file = files.find((f) => f.path === unit.source);
  const prove = (): Promise<void> =>
    stage(
      'prove match',
      context,
      async () => {
        const object = join(dir, 'original.o');
        await generateCode(unit, path.original, object, context);
        await proveMatch(tree, unit, object, context);
      },
      unit.source,
    );
  const listing = (which: keyof typeof path): Promise<Listing> =>
    stage(
      'list code',
      context,
      async () => {
        const output = join(dir, `${which}.s`);
        await listCode(unit, path[which], output, context);
        return readListing(await readFile(output, 'utf8'));
      },
      unit.source,
    );
  // A unit that only reads a patched header gets a second look when it turns out to differ; many do not.
  const before = async (): Promise<[IrModule, Listing | undefined]> => {
    await stage(
      'compile original',
      context,
      () => compileToBitcode(unit, path.original, context),
      unit.source,
    );
    if (!file) return [await module('original'), undefined];
    return await settled([
      module('original'),
      settled([listing('original'), prove()]).then(([code]) => code),
    ]);
  };
  const after = async (): Promise<[IrModule, Listing | undefined]> => {
    await stage(
      'compile patched',
      context,
      () => compilePatched(unit, path.patched, files, overlay, context),
      unit.source,
    );
    return await settled([module('patched'), file ? listing('patched') : Promise.resolve(undefined)]);
  };
  const [[original, oldCode], [patched, newCode]] = await settled([before(), after()]);
  const found = await stage('diff', context, async () => diffModules(original, patched), unit.source);
  const analysed = (diff: ModuleDiff): AnalysedUnit => ({ unit, file, original, patched, diff, dir });
  if (!file && !differs(found)) return analysed(found);
  if (!file) await prove();
  const [a, b] = [oldCode ?? (await listing('original')), newCode ?? (await listing('patched'))];
  const { diff, same } = agree(
    unit,
    { module: original, listing: a },
    { module: patched, listing: b },
    found,
  );
  if (same.length > 0) context.findings.push(sameCode(same, unit));
  return analysed(diff);
}

function sameCode(names: readonly string[], { source, object }: TranslationUnit): Finding {
  return {
    code: 'same-code',
    severity: 'note',
    message: `${names.join(', ')}: the compiler sees it differently with the patch, and generates the same code for it`,
    file: source,
    object,
  };
}

/** Both results, or the first error once both have ended, so that no compiler is left running. */
async function settled<A, B>(both: [Promise<A>, Promise<B>]): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled(both);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}

async function compilePatched(
  unit: TranslationUnit,
  output: string,
  files: readonly PatchedFile[],
  overlay: string,
  context: EngineContext,
): Promise<void> {
  try {
    await compileToBitcode(unit, output, context, overlay);
  } catch (error) {
    if (!(error instanceof KlpError) || error.code !== 'does-not-compile') throw error;
    const said = atPatchedLines(error.detail.output ?? '', files);
    const at = firstDiagnostic(said);
    const file = at && files.find((f) => at.file === f.path || at.file.endsWith(`/${f.path}`));
    throw new KlpError(
      'does-not-compile',
      `${unit.source} does not compile with the patch${at ? `: ${at.message}` : ''}`,
      {
        ...error.detail,
        output: said,
        file: file?.path ?? at?.file ?? unit.source,
        ...(at ? { line: at.line } : {}),
      },
    );
  }
}
