/** A small generator with a seed (mulberry32), so that a failing case can be run again. */
export function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/**
 * A C file of statements `markN(__LINE__);`, each with a number of its own, among the things that make placing a directive hard: comments,
 * continued lines and strings, conditionals, calls over several lines. Other lines often repeat.
 */
export function randomSource(seed: number): string {
  const next = random(seed);
  let marks = 0;
  const mark = (): string => `mark${marks++}(__LINE__);\n`;
  const pieces: (() => string)[] = [
    mark,
    mark,
    () => `/* a comment\n * over ${next(9)} lines, with an open ( and a "quote\n */\n`,
    () => `int v${next(5)}; // a trailing \\\ncomment (\n`,
    () => `#define M${next(1000)}(x) do { \\\n\tmark(x); \\\n} while (0)\n`,
    () => `call(${next(5)},\n     __LINE__,\n     ${next(5)});\n`,
    () => `#ifdef CONFIG_${next(3)}\n${mark()}int a${next(5)};\n#else\n${mark()}#endif\n`,
    () => `char *s = "a \\\n( b";\n`,
    () => `char c = '('; char d = '"'; char e = '\\'';\n`,
    () => `#if 0\ndon't (\n#endif\n`,
    () => `\n`,
  ];
  const count = 10 + next(40);
  return Array.from({ length: count }, () => pieces[next(pieces.length)]?.() ?? '').join('');
}

/** Inserts, removes and replaces some lines anywhere. */
export function randomEdits(text: string, seed: number): string {
  const next = random(seed);
  const lines = text.split('\n').slice(0, -1);
  for (let edits = 1 + next(5); edits > 0; edits--) {
    const at = next(lines.length + 1);
    const added = Array.from({ length: next(4) }, () => `int new${next(1000)} = __LINE__;`);
    lines.splice(at, next(3), ...added);
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
