import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * A published package and a clone after `npm ci` hold dist/. In a clone whose dist/ was removed it is compiled
 * here; without the compiler, the command that gets both is named. Exit code 5: the environment is at fault.
 */
export function ensureCompiled() {
  if (existsSync(new URL('../dist/cli/main.js', import.meta.url))) return;
  const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
  if (!existsSync(compiler)) {
    process.stderr.write(`klp-docker is not compiled yet. Run this first:\n  cd ${root} && npm ci\n`);
    process.exit(5);
  }
  process.stderr.write('compiling klp-docker (once) …\n');
  const ran = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (ran.status !== 0) {
    process.stderr.write(
      `klp-docker does not compile. Run this to see why:\n  cd ${root} && npm run build\n`,
    );
    process.exit(5);
  }
}
