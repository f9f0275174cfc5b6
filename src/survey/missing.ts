import type { Finding, ResultDocument } from '../shared/result.js';

/** What stood in the way of an item, in the words of the source: names that others may define, files that others may change. */
export interface Missing {
  /** Identifiers that are undeclared, or declared otherwise than they are used. */
  names: string[];
  /** All words of the lines that errors are about, for where nothing brings the names. */
  words: string[];
  /** Headers that are not there, as an `#include` names them. */
  headers: string[];
  /** Files that no longer fit the patch. */
  files: string[];
  /** Files of patches of which one does not apply. */
  unapplied: string[];
  /** Files that declare something otherwise than it is used. */
  declaredIn: string[];
  /** Functions that go, and that others may still declare and use. */
  removed: string[];
}

/** Messages of clang, and which quoted words of them are names that another file of the same change may bring. */
const messages: readonly RegExp[] = [
  /use of undeclared (?:identifier|label) '(\w+)'/,
  /call to undeclared (?:library )?function '(\w+)'/,
  /no member named '(\w+)' in/,
  /unknown type name '(\w+)'/,
  /field designator '(\w+)' does not refer/,
  /incomplete (?:definition of )?type '(?:struct |union |enum |const )*(\w+)/,
  /(?:conflicting types for|redefinition of|redeclaration of|different kind of symbol|declaration of) '(?:struct |union |enum )?(\w+)'/,
  /(?:non-)?static declaration of '(\w+)'/,
  /note: '(\w+)' declared here/,
  /undeclared (?:function|identifier) '(\w+)'/,
  // With CONFIG_WERROR also what is not declared yet.
  /no previous (?:prototype|extern declaration) for (?:function|non-static variable) '(\w+)'/,
];
/** Types that do not fit each other: the names in all the quotes. */
const typesDiffer = /incompatible|passing|assigning|initializing|returning/;
const builtIn = new Set(
  'struct union enum const volatile unsigned signed int char short long void bool _Bool static inline aka float double restrict u8 u16 u32 u64 s8 s16 s32 s64 size_t'.split(
    ' ',
  ),
);

/** What a result that is no livepatch says is missing; nothing for results that other files cannot change. */
export function missingOf(result: ResultDocument): Missing {
  const missing: Missing = {
    ...{ names: [], words: [], headers: [], files: [], unapplied: [], declaredIn: [], removed: [] },
  };
  const errors = result.findings.filter((finding) => finding.severity === 'error');
  for (const finding of errors) collect(finding, missing);
  const unique = (words: string[]): string[] => [...new Set(words)];
  const { names, words, headers, files, unapplied, declaredIn, removed } = missing;
  return {
    ...{ names: unique(names), words: unique(words), headers: unique(headers) },
    ...{ unapplied, files: unique(files), declaredIn: unique(declaredIn), removed: unique(removed) },
  };
}

function collect(finding: Finding, missing: Missing): void {
  switch (finding.code) {
    case 'does-not-compile': {
      if (finding.file !== undefined) missing.files.push(finding.file);
      const lines = (finding.output ?? '').split('\n');
      for (const line of lines) readDiagnostic(line, missing);
      missing.words.push(...wordsAtErrors(lines));
      return;
    }
    case 'symbol-not-in-kernel':
      missing.names.push(
        ...[/ (?:needs|does not define) (\w+)/.exec(finding.message)?.[1] ?? ''].filter(Boolean),
      );
      return;
    case 'function-removed':
      if (finding.function !== undefined) missing.removed.push(finding.function);
      return;
    case 'signature-changed':
    case 'defined-elsewhere':
      if (finding.function !== undefined) missing.names.push(finding.function);
      return;
  }
}

/**
 * The words of the lines that errors are about: of a macro that is not there, or a field that is another one now, clang says
 * what follows from it and names neither.
 */
function wordsAtErrors(lines: readonly string[]): string[] {
  const words: string[] = [];
  let isShown = false;
  for (const line of lines) {
    const kind = /: (?:fatal )?(error|warning|note): /.exec(line)?.[1];
    if (kind !== undefined) isShown = kind === 'error';
    else if (isShown) words.push(...(/^ *\d+ \|(.*)$/.exec(line)?.[1]?.match(/[A-Za-z_]\w*/g) ?? []));
  }
  return words.filter((word) => !builtIn.has(word));
}

function readDiagnostic(line: string, missing: Missing): void {
  const said = /^(?:\.\/)?(\S+?):\d+(?::\d+)?: ((?:fatal )?error|note): (.*)$/.exec(line);
  if (said === null) return;
  const [, file = '', kind = '', text = ''] = said;
  if (kind === 'note' && /\b(?:declared|declaration is) here$/.test(text)) missing.declaredIn.push(file);
  const header = /^'([\w./-]+\.h)' file not found/.exec(text)?.[1];
  if (header !== undefined) return void missing.headers.push(header);
  const full = kind === 'note' ? `note: ${text}` : text;
  const name = messages.map((message) => message.exec(full)?.[1]).find((word) => word !== undefined);
  if (name !== undefined) {
    // The kernel's guards make type names of their own: `guard(x)` needs class_x_t, which the macro that names x defines.
    const guard = /^class_(\w+)_t$/.exec(name)?.[1];
    return void missing.names.push(name, ...(guard === undefined ? [] : [guard]));
  }
  if (kind === 'note' || !typesDiffer.test(text)) return;
  const quoted = [...text.matchAll(/'([^']*)'/g)].map((match) => match[1] ?? '');
  const words = quoted.flatMap((type) => type.match(/[A-Za-z_]\w*/g) ?? []);
  missing.names.push(...words.filter((word) => !builtIn.has(word)));
}
