import { execFileSync } from 'node:child_process';

/** Compiles the sources, so that tests which start the programs in bin/ see the code as it is now. */
export function setup(): void {
  execFileSync(process.execPath, ['scripts/compile.mjs', '--no-check', '--no-bundle'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
