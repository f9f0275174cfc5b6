import type { Verification } from '../shared/result.js';

type Selftest = NonNullable<Verification['selftests']>[number];

/**
 * Results of the kernel's selftests in the Test Anything Protocol, version 13, as kselftest's own runner puts
 * it: one line per script, its output before it as comments.
 */
export function selftestsTap(selftests: readonly Selftest[]): string {
  const lines = ['TAP version 13', `1..${selftests.length}`];
  selftests.forEach(({ name, ok, skipped, output }, index) => {
    const title = `${index + 1} selftests: livepatch: ${name.replaceAll('#', '')}`;
    lines.push(...output.split('\n').map((line) => `# ${line}`.trimEnd()));
    lines.push(skipped ? `ok ${title} # SKIP` : `${ok ? 'ok' : 'not ok'} ${title}`);
  });
  return `${lines.join('\n')}\n`;
}
