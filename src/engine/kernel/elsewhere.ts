import { KlpError } from '../../shared/errors.js';
import { STB, STT } from '../elf/constants.js';
import type { TranslationUnit } from '../types.js';
import { describeUnit, type KernelObject } from './kernel-object.js';
import { isDefined, type FileSymbol, type SymbolFile } from './symbol-file.js';

/**
 * The refusal of a name that a unit refers to and that nothing offers it; statics of other files are told of.
 * @param holders where to look for those
 */
export function notOffered(unit: TranslationUnit, name: string, holders: readonly KernelObject[]): KlpError {
  const place = { file: unit.source, object: unit.object };
  const statics = holders.flatMap(({ file, objname }) =>
    file.named(name).flatMap((symbol) => (isStatic(symbol) ? [`${fileOf(file, symbol)} (${objname})`] : [])),
  );
  if (statics.length === 0) {
    return new KlpError(
      'symbol-not-in-kernel',
      `${describeUnit(unit)} needs ${name}, which this kernel does not have`,
      place,
    );
  }
  return new KlpError(
    'symbol-not-in-kernel',
    `${describeUnit(unit)} needs ${name}, which is static in another file of this kernel: ${[...new Set(statics)].join(', ')}`,
    { ...place, advice: `Let the patch remove \`static\` where ${name} is defined, too.` },
  );
}

function isStatic(symbol: FileSymbol): boolean {
  const isCodeOrData = [STT.FUNC, STT.OBJECT, STT.NOTYPE].some((type) => type === symbol.type);
  return isDefined(symbol) && symbol.binding === STB.LOCAL && isCodeOrData;
}

/** The name, without folder, of the source that a local symbol is of: an STT_FILE symbol stands before its locals. */
function fileOf(file: SymbolFile, { index }: FileSymbol): string {
  const before = file.files().findLast((at) => at < index);
  return before === undefined ? 'a file without name' : file.symbol(before).name;
}
