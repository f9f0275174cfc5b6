/**
 * Options that are set in a `.config` or `auto.conf`, `CONFIG_X` to its value; strings without their quotes
 * (auto.conf has none since Linux 6.1).
 */
export function parseConfig(text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const [, name, value] of text.matchAll(/^(CONFIG_\w+)=(.*)$/gm)) {
    if (name !== undefined && value !== undefined) options.set(name, unquote(value));
  }
  return options;
}

function unquote(value: string): string {
  return value.startsWith('"') && value.endsWith('"') && value.length > 1
    ? value.slice(1, -1).replace(/\\(.)/g, '$1')
    : value;
}

/** Options that two configurations give different values, sorted. */
export function differingOptions(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): string[] {
  const names = new Set([...a.keys(), ...b.keys()]);
  return [...names].filter((name) => a.get(name) !== b.get(name)).sort();
}
