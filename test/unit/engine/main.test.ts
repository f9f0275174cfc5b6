import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const llpatch = (...args: string[]) =>
  spawnSync(process.execPath, ['bin/llpatch.js', ...args], { encoding: 'utf8' });

it('llpatch --quiet prints nothing but errors', () => {
  const ran = llpatch('--quiet', '-k', '/nonexistent/linux', 'examples/proc-meminfo/proc-meminfo.patch');
  expect(ran.status).not.toBe(0);
  expect(ran.stdout).toBe('');
  expect(ran.stderr).toMatch(/^error: there is no folder \/nonexistent\/linux\n/);
  expect(ran.stderr).toContain('kernel-not-built');
});
