/**
 * Small changes to textual LLVM IR, one at a time, each of which may change the code. A change is a line rewritten; which
 * of the lines it could be is up to the caller.
 */
export interface Operator {
  kind: string;
  /** Which lines: of function bodies, `define` lines, or all others. */
  where: 'body' | 'head' | 'module';
  /** The line after the change, or undefined when this one has nothing to change. `pick` chooses below a bound. */
  apply: (line: string, pick: (bound: number) => number) => string | undefined;
}

const body = (kind: string, apply: Operator['apply']): Operator => ({ kind, where: 'body', apply });
const head = (kind: string, apply: Operator['apply']): Operator => ({ kind, where: 'head', apply });
const top = (kind: string, apply: Operator['apply']): Operator => ({ kind, where: 'module', apply });

/** Rewrites one of the places that a pattern matches. */
function oneOf(pattern: RegExp, change: (match: RegExpMatchArray) => string | undefined): Operator['apply'] {
  return (line, pick) => {
    const found = [...line.matchAll(pattern)];
    const match = found[found.length === 0 ? 0 : pick(found.length)];
    const text = match && change(match);
    if (match === undefined || text === undefined || text === match[0]) return undefined;
    return line.slice(0, match.index) + text + line.slice(match.index + match[0].length);
  };
}

/** Replaces a word by another of its kind. */
function oneWord(...words: string[]): Operator['apply'] {
  const next = (word: string): string => words[(words.indexOf(word) + 1) % words.length] ?? word;
  return oneOf(new RegExp(String.raw`(?<![\w".@%!-])(?:${words.join('|')})(?![\w"(:])`, 'g'), ([word]) =>
    next(word),
  );
}

const only =
  (lines: RegExp, apply: Operator['apply']): Operator['apply'] =>
  (line, pick) =>
    lines.test(line) ? apply(line, pick) : undefined;

const away = (pattern: RegExp): Operator['apply'] => oneOf(pattern, () => '');

const otherNumber = (text: string): string =>
  text === '1' ? '2' : text === '0' ? '1' : String(Number(text) - 1);

/** Swaps the first and the second group of a pattern, which stand for equal things. */
const swapped = (pattern: RegExp): Operator['apply'] =>
  oneOf(pattern, ([all, a = '', b = '']) => {
    const start = all.indexOf(a);
    const other = all.lastIndexOf(b);
    return all.slice(0, start) + b + all.slice(start + a.length, other) + a + all.slice(other + b.length);
  });

const asm = / asm /;
const value = String.raw`(?:%[\w.]+|@[\w.]+|-?\d+|null|true|false|undef|poison)`;
const valueAttribute =
  / (?:noundef|nonnull|zeroext|signext|noalias|nocapture|readonly|readnone|writeonly|returned|nofree|noreturn|captures\([^)]*\)|align \d+(?=[ ,)])|dereferenceable(?:_or_null)?\(\d+\)|range\([^)]*\))/g;

const bodyOperators = [
  body(
    'constant',
    only(
      /^(?!.*\b(?:asm|switch|getelementptr)\b)/,
      oneOf(/(?<=[ (]i(?:8|16|32|64) |[ ,]%[\w.]+, )-?\d+(?=[,) ]|$)/g, ([n]) => otherNumber(n)),
    ),
  ),
  body(
    'predicate',
    only(/ icmp /, oneWord('eq', 'ne', 'ult', 'ule', 'ugt', 'uge', 'slt', 'sle', 'sgt', 'sge')),
  ),
  body('operation', oneWord('add', 'sub', 'mul')),
  body('bit operation', oneWord('and', 'or', 'xor')),
  body('shift', oneWord('shl', 'lshr', 'ashr')),
  body('extension', oneWord('zext', 'sext')),
  body(
    'operands of a subtraction or shift',
    swapped(new RegExp(String.raw` (?:sub|shl|lshr|ashr) [a-z ]*i\d+ (${value}), (${value})`, 'g')),
  ),
  body(
    'ordering',
    only(
      / (?:atomic|fence|atomicrmw|cmpxchg)\b/,
      oneWord('monotonic', 'acquire', 'release', 'acq_rel', 'seq_cst'),
    ),
  ),
  body('volatile', (line) =>
    / (?:load|store) volatile /.test(line)
      ? line.replace(' volatile', '')
      : / (?:load|store) (?!atomic)/.test(line)
        ? line.replace(/ (load|store) /, ' $1 volatile ')
        : undefined,
  ),
  body('flag taken away', away(/ (?:nuw|nsw|exact|inbounds|disjoint|nneg|samesign)(?= )/g)),
  body(
    'flag added',
    oneOf(/ (?:add|sub|mul|shl) (?=i\d)/g, ([op]) => `${op}nsw `),
  ),
  body(
    'PHI values',
    only(/ phi /, swapped(new RegExp(String.raw`\[ (${value}), %[\w.]+ \], \[ (${value}), %[\w.]+ \]`, 'g'))),
  ),
  body('PHI blocks', only(/ phi /, swapped(/\[ [^\]]*, (%[\w.]+) \], \[ [^\]]*, (%[\w.]+) \]/g))),
  body('branch', swapped(/ br i1 [^,]+, (label %[\w.]+), (label %[\w.]+)/g)),
  body(
    'switch case',
    only(
      /^ +i\d+ -?\d+, label /,
      oneOf(/(?<=^ +i\d+ )-?\d+/g, ([n]) => String(Number(n) + 1000003)),
    ),
  ),
  body('select', swapped(/ select i1 [^,]+, \S+ ([^,]+), \S+ ([^,\n]+)/g)),
  body(
    'asm text',
    only(
      asm,
      oneOf(/(?<= asm (?:sideeffect |inteldialect )?")[^"]+/g, ([t]) => `nop; ${t}`),
    ),
  ),
  body(
    'asm constraints',
    only(
      asm,
      oneOf(/~\{(?:memory|cc|dirflag|fpsr|flags|rcx|r11|x0)\},?(?=[^"]*"\()/g, () => ''),
    ),
  ),
  body(
    'asm output',
    only(
      asm,
      oneOf(/(?<=", ")=&?r/g, ([c]) => (c === '=r' ? '=&r' : '=r')),
    ),
  ),
  body('asm side effect', only(asm, away(/(?<= asm) sideeffect/g))),
  body(
    'argument order',
    swapped(
      new RegExp(
        String.raw`[ (](?:i32|i64|ptr) (?:noundef )?(${value}), (?:i32|i64|ptr) (?:noundef )?(${value})(?=[,)])`,
        'g',
      ),
    ),
  ),
  body(
    'argument attribute',
    only(
      / call /,
      oneOf(valueAttribute, () => ''),
    ),
  ),
  body('call attributes', only(/ call /, away(/ #\d+(?=$|,| )/g))),
  body(
    'calling convention',
    oneOf(/(?<= call )(?=(?:void|ptr|i\d+) @(?!llvm\.))/g, () => 'fastcc '),
  ),
  body(
    'tail call',
    oneOf(/ (?:tail )?call (?!.*@llvm\.)/g, ([c]) => (c.includes('tail') ? ' notail call ' : ' tail call ')),
  ),
  body(
    'GEP index',
    only(
      /getelementptr/,
      oneOf(/(?<=, i(?:32|64) )-?\d+/g, ([n]) => String(Number(n) + 1)),
    ),
  ),
  body(
    'GEP type',
    oneOf(/(?<=getelementptr (?:inbounds )?)i8(?=,)/g, () => 'i16'),
  ),
  body(
    'alignment',
    oneOf(/, align (?:2|4|8|16)(?=$|,| )/g, ([a]) => a.replace(/\d+/, (n) => String(Number(n) / 2))),
  ),
  body(
    'stack slot',
    only(
      / alloca /,
      oneOf(/(?<=alloca \[)\d+|(?<=alloca )i\d+/g, ([n]) =>
        n.startsWith('i') ? 'i128' : String(Number(n) + 16),
      ),
    ),
  ),
  body(
    'width',
    oneOf(/(?<= trunc i64 \S+ to )i32/g, () => 'i31'),
  ),
  body(
    'loaded value',
    oneOf(/(?<= store (?:volatile )?i\d+ )%[\w.]+/g, () => 'undef'),
  ),
  body('instruction gone', (line) =>
    /^ +(?:store |(?:tail )?call void @(?!llvm))/.test(line) ? '' : undefined,
  ),
  body(
    'member index',
    oneOf(/(?<=(?:extract|insert)value .*, )[01]$/g, ([n]) => (n === '0' ? '1' : '0')),
  ),
  body('atomic operation', only(/ atomicrmw /, oneWord('add', 'sub', 'or', 'and', 'xchg'))),
  body('metadata taken away', away(/, !(?!dbg|srcloc|annotation)[\w.]+ !\d+/g)),
  body(
    'size of copied memory',
    only(
      /@llvm\.mem(?:cpy|set|move)/,
      oneOf(/(?<=, i1 )false/g, () => 'true'),
    ),
  ),
];

const definition = /^define /;

const otherOperators = [
  head(
    'parameter attribute',
    oneOf(valueAttribute, () => ''),
  ),
  head(
    'visibility',
    only(
      /^define (?!internal)/,
      oneOf(/^define (?:dso_local )?/g, ([d]) => `${d}hidden `),
    ),
  ),
  head(
    'linkage',
    only(
      /^define dso_local /,
      oneOf(/^define /g, () => 'define weak '),
    ),
  ),
  head('symbol may be elsewhere', only(/^define dso_local (?!.*hidden)/, away(/ dso_local/g))),
  head(
    'section',
    only(definition, (line) =>
      line.includes(' section "')
        ? line.replace(' section "', ' section ".x')
        : line.replace(/ (?=(?:align \d+ )?(?:!\S+ !\d+ )*\{$)/, ' section ".text.x" '),
    ),
  ),
  head('alignment of a function', (line) =>
    / align \d+ [^,()]*\{$/.test(line)
      ? line.replace(/ align \d+(?= [^,()]*\{$)/, ' align 64')
      : line.replace(/ (?=(?:!\S+ !\d+ )*\{$)/, ' align 64 '),
  ),
  head(
    'function attributes',
    oneOf(/(?<=\)[^()"]*) #\d+/g, () => ' noinline'),
  ),
  top(
    'attribute taken away',
    only(
      /^attributes /,
      oneOf(/(?<= )(?:"[^"]*"(?:="[^"]*")?|[a-z]+(?:\([^)]*\))?)(?= )/g, () => ''),
    ),
  ),
  top(
    'attribute added',
    only(
      /^attributes /,
      oneOf(/(?<=\{ )/g, () => 'minsize optsize '),
    ),
  ),
  top(
    'attribute value',
    only(
      /^attributes /,
      oneOf(/(?<=")\d+(?=")/g, ([n]) => String(Number(n) + 8)),
    ),
  ),
  top(
    'attribute of a declaration',
    only(
      /^declare (?!.*@llvm\.)/,
      oneOf(valueAttribute, () => ''),
    ),
  ),
  top('attributes of a declaration', only(/^declare (?!.*@llvm\.)/, away(/ #\d+$/g))),
  top(
    'initial value',
    only(
      /^@[^"]*(?:global|constant) (?!.*llvm\.)/,
      oneOf(/(?<=[ [{]i(?:8|16|32|64) )-?\d+(?=[,\]} ])/g, ([n]) => otherNumber(n)),
    ),
  ),
  top(
    'text',
    oneOf(/(?<= c"[^"\\]*)[a-z](?=[a-z])/g, ([c]) => (c === 'q' ? 'k' : 'q')),
  ),
  top(
    'pointer in data',
    only(
      /^@(?!llvm\.)\S+ = .*[{[]/,
      oneOf(/ptr @[\w.]+/g, () => 'ptr null'),
    ),
  ),
  top(
    'alignment of data',
    only(
      /^@(?!llvm\.)/,
      oneOf(/, align \d+$/g, () => ', align 128'),
    ),
  ),
  top(
    'section of data',
    only(/^@(?!llvm\.)\S+ = .*(?:global|constant) /, (line) =>
      line.includes(', section "')
        ? line.replace(', section "', ', section ".x')
        : line.replace(/(?=, align \d+$)/, ', section ".data.x"'),
    ),
  ),
  top(
    'constant or not',
    only(
      /^@(?!llvm\.)/,
      oneOf(/(?<= )(?:global|constant)(?= )/g, ([w]) => (w === 'global' ? 'constant' : 'global')),
    ),
  ),
  top(
    'linkage of data',
    oneOf(
      /(?<=^@(?!llvm\.)\S+ = )dso_local (?=(?:local_unnamed_addr |unnamed_addr )?(?:global|constant))/g,
      () => 'weak dso_local ',
    ),
  ),
  top(
    'visibility of data',
    oneOf(/(?<=^@(?!llvm\.)\S+ = (?:external )?dso_local )/g, () => 'hidden '),
  ),
  top(
    'data may be elsewhere',
    oneOf(/(?<=^@(?!llvm\.)\S+ = external )dso_local /g, () => ''),
  ),
  top(
    'address of data matters',
    oneOf(/(?<=^@(?!llvm\.).* )unnamed_addr (?=constant)/g, () => ''),
  ),
  top(
    'thread-local',
    oneOf(
      /(?<=^@(?!llvm\.)\S+ = (?:external |internal )?(?:dso_local )?)(?=(?:local_unnamed_addr |unnamed_addr )?global)/g,
      () => 'thread_local ',
    ),
  ),
  top(
    'type',
    only(
      /^%[\w.]+ = type \{/,
      oneOf(/(?<=[ ,{])i(?:8|16|32|64)(?=[ ,])/g, ([t]) => (t === 'i64' ? 'i32' : 'i64')),
    ),
  ),
  top(
    'kept or not',
    only(
      /^@llvm\.(?:compiler\.)?used/,
      oneOf(/ptr @[\w.]+, /g, () => ''),
    ),
  ),
  top(
    'file-level assembly',
    only(
      /^module asm /,
      oneOf(/(?<="\\09)[^"]+|(?<=asm ")[^"\\]+/g, ([t]) => `${t} ;.byte 1`),
    ),
  ),
  top(
    'metadata',
    only(
      /^!\d+ = !\{(?!.*(?:!DI|"auto-init))/,
      oneOf(/(?<=i(?:32|64|8|1) )-?\d+/g, ([n]) => otherNumber(n)),
    ),
  ),
  top(
    'metadata text',
    only(
      /^!\d+ = (?:distinct )?!\{/,
      oneOf(/(?<=!")[a-z][\w ]*(?=")/g, ([t]) => `${t}x`),
    ),
  ),
  top('metadata node', only(/^!\d+ = !\{!\d+(?:, !\d+)+\}/, swapped(/(!\d+), (!\d+)/g))),
  top(
    'module flag',
    only(
      /^!\d+ = !\{i32 [0-9]+, !"[^"]*", i32 \d+\}$/,
      oneOf(/\d+(?=\}$)/g, ([n]) => otherNumber(n)),
    ),
  ),
  top(
    'target',
    only(
      /^target datalayout/,
      oneOf(/-n[\d:]+/g, () => '-n32'),
    ),
  ),
];

/** All operators; `array size` and the like have their counterparts among types and initial values. */
export const operators: readonly Operator[] = [...bodyOperators, ...otherOperators];
