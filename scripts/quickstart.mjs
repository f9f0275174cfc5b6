// `npm run quickstart [-- ARCH]`: from a bare Debian machine to a livepatch that has been seen to work.
import { spawn } from 'node:child_process';
import { argv, execPath, exit } from 'node:process';
import {
  checkNode,
  compile,
  ensureNodeModules,
  ensureSystemPackages,
  pinned,
  root,
  say,
} from './lib/setup.mjs';

const example = 'examples/proc-meminfo';
const kernel = pinned.quickstart;
const archs = ['x86_64', 'arm64'];
const arch = argv[2] ?? archs[0];
if (!archs.includes(arch) || argv.length > 3) {
  say(`npm run quickstart [-- ARCH]; ARCH is ${archs.join(' or ')}`);
  exit(2);
}
const out = arch === archs[0] ? 'out/quickstart' : `out/quickstart-${arch}`;

checkNode();
ensureSystemPackages({ arch });
ensureNodeModules();
compile();

const args = [
  ...['bin/klp-docker.js', 'generate', `${example}/proc-meminfo.patch`],
  ...['--kernel', kernel, '--arch', arch],
  ...['--verify', '--test', `${example}/test.sh`, '-o', out, '--log', `${out}/quickstart.log`],
];
say(`
${example}/proc-meminfo.patch changes what /proc/meminfo shows. Now:
  1. an image with Linux ${kernel} for ${arch}, built by its own clang, is made (once; some minutes) or found
  2. the patch becomes a livepatch in a container of that image
  3. the same kernel is booted in QEMU; ${example}/test.sh looks at /proc/meminfo before the livepatch
     is loaded, while it is active, and after it is gone

$ klp-docker ${args.slice(1).join(' ')}
`);
const child = spawn(execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
// Ctrl-C reaches the child by itself; it cleans up, and this waits for it.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('close', (code) => {
  if (code === 0) {
    say(`
The livepatch and its package are in ${out}/. To look closer:
  ls ${out}                          the module (.ko), the package (.tgz), the result (.json), the boot log
  npx klp-docker --help              everything else
  npm test                           all tests`);
  } else if (code !== 130) {
    say(`\nThat did not work; all that happened is in ${out}/quickstart.log`);
  }
  exit(code ?? 1);
});
