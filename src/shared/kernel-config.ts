import { KlpError } from './errors.js';

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

/**
 * Refuses a kernel that no livepatch can be made for, by its configuration.
 * @param dir the build folder, for messages
 * @throws KlpError `kernel-built-by-gcc`, `kernel-without-livepatch`, `kernel-lto`
 */
export function checkKernelConfig(dir: string, config: ReadonlyMap<string, string>): void {
  const compiler = config.get('CONFIG_CC_VERSION_TEXT') ?? 'unknown';
  if (config.get('CONFIG_CC_IS_CLANG') !== 'y') {
    throw new KlpError(
      'kernel-built-by-gcc',
      `the kernel in ${dir} was built by \`${compiler}\`, not by clang`,
    );
  }
  if (config.get('CONFIG_LIVEPATCH') !== 'y') {
    throw new KlpError('kernel-without-livepatch', `the kernel in ${dir} has CONFIG_LIVEPATCH not set`);
  }
  if (config.get('CONFIG_LTO_CLANG') === 'y') {
    const flavour = config.get('CONFIG_LTO_CLANG_FULL') === 'y' ? 'FULL' : 'THIN';
    throw new KlpError('kernel-lto', `the kernel in ${dir} has CONFIG_LTO_CLANG_${flavour}=y`);
  }
}
