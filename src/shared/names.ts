/**
 * A file's name for tools that take ASCII alone: letters lose their accents (`für` is `fur`), all else that is
 * neither letter, digit nor one of `. + _ -` becomes a `-`.
 */
export function asciiName(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\w.+-]+/g, '-');
}
