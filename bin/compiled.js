import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * A published package and a clone after `npm ci` hold dist/. In a clone whose dist/ was removed it is compiled
 * here; where that cannot be done, the command that helps is named. Exit code 5: the environment is at fault.
 */
export function ensureCompiled() {
  if (existsSync(new URL('../dist/cli/main.js', import.meta.url))) return;
  process.stderr.write('klp-docker: compiling (once) …\n');
  const ran = spawnSync(process.execPath, ['scripts/compile.mjs'], { cwd: root, stdio: ['ignore', 2, 2] });
  if (ran.status === 0) return;
  // Exit code 5 has named the command that helps already.
  if (ran.status !== 5) {
    process.stderr.write(
      `klp-docker could not be compiled. Run this, then try again:\n  cd ${root} && npm ci\n`,
    );
  }
  process.exit(5);
}
