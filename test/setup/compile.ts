import { execFileSync } from 'node:child_process';

/**
 * Compiles the sources, so that tests which start the programs in bin/ see the code as it is now. Types are
 * checked by `npm run typecheck`, not here.
 */
export function setup(): void {
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--noCheck'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}
