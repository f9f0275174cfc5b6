// Compiles src/ to dist/ and bundles the engine. Run by `npm ci` (prepare), `npm run build`, the tests, and by
// bin/ in a clone whose dist/ is missing. Needs nothing but Node and the development dependencies.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { argv, execPath, exit, stderr } from 'node:process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));

function node(...args) {
  const ran = spawnSync(execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (ran.status !== 0) exit(ran.status ?? 1);
}

if (!existsSync(compiler)) {
  stderr.write(`The compiler is not installed. Run this first:\n  cd ${root} && npm ci\n`);
  exit(5);
}
// `npm run typecheck` checks the types too; the tests, which run this often, leave that out here, and those that
// never enter an image the bundle as well.
node(compiler, '-p', 'tsconfig.build.json', ...(argv.includes('--no-check') ? ['--noCheck'] : []));
if (!argv.includes('--no-bundle')) node('scripts/bundle.mjs');
