/** Is a mail numbered 0 in its series, as `git format-patch --cover-letter` writes it? It may hold no patch. */
export function isCoverLetter(text: string): boolean {
  const head = text.split(/\r?\n\r?\n/, 1)[0] ?? '';
  return /^Subject:[ \t]*(?:\[[^\]\n]*\] *)*?\[(?:[^\]\n]* )?0+\/\d+\]/m.test(head);
}

/**
 * The encoding of a mail that has `=3D` for `=`, or no line of its patch at all; undefined when none of the mails has one.
 * No line of a hunk begins as this header does.
 * @returns the encoding, and the line (from 0) that names it
 */
export function encodingIn(lines: readonly string[]): { encoding: string; at: number } | undefined {
  for (const [at, line] of lines.entries()) {
    const encoding = /^Content-Transfer-Encoding:[ \t]*(quoted-printable|base64)\b/i.exec(line)?.[1];
    if (encoding !== undefined) return { encoding: encoding.toLowerCase(), at };
  }
  return undefined;
}
