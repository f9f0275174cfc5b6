/**
 * A text as it may be shown and kept: without the user names and passwords of its URLs. The user of an ssh URL stays,
 * for it is part of the address and no secret.
 */
export function withoutCredentials(text: string): string {
  return text.replace(/\b([a-z][\w+.-]*:\/\/)([^\s/?#]*)@/gi, (whole, scheme: string, user: string) =>
    scheme.endsWith('ssh://') && !user.includes(':') ? whole : scheme,
  );
}
