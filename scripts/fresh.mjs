// Runs a command of this repository on a bare Debian 12 with nothing but Node, as a newcomer would: a new root folder
// with its own Docker engine, its own package database and a fresh clone of HEAD. Root only; needs mmdebstrap.
//   node scripts/fresh.mjs [FOLDER] [-- COMMAND...]       default: a temporary folder, npm run quickstart
import { existsSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $, argv, chalk, quote } from 'zx';
import { root } from './lib/setup.mjs';

const separator = process.argv.indexOf('--');
const command = separator < 0 ? ['npm', 'run', 'quickstart'] : process.argv.slice(separator + 1);
const dir =
  argv._[0] && separator !== 2 ? String(argv._[0]) : mkdtempSync(join(tmpdir(), 'klp-docker-fresh-'));

$.quiet = true;
if (!existsSync(join(dir, 'etc'))) {
  console.error(chalk.bold(`making a bare Debian 12 in ${dir}`));
  await $`mmdebstrap --variant=minbase --include=ca-certificates,libatomic1 bookworm ${dir}`;
  // Node as it is here, with its npm, and what this machine trusts and resolves.
  const node = realpathSync(process.execPath);
  const npm = join(realpathSync((await $`command -v npm`).stdout.trim()), '..', '..');
  await $`cp ${node} ${dir}/usr/bin/node`;
  await $`mkdir -p ${dir}/usr/lib/node_modules && cp -a ${npm} ${dir}/usr/lib/node_modules/npm`;
  for (const name of ['npm', 'npx']) {
    await $`ln -s ../lib/node_modules/npm/bin/${name}-cli.js ${dir}/usr/bin/${name}`;
  }
  await $`cp -a /etc/ssl/certs/. ${dir}/etc/ssl/certs/ && cp /etc/resolv.conf /etc/hosts ${dir}/etc/`;
  await $`git clone -q ${root} ${dir}/root/klp-docker`;
}

const environment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  CI: 'true',
  NODE_EXTRA_CA_CERTS: '/etc/ssl/certs/ca-certificates.crt',
};
// A root of its own in a mount and a process namespace: all that is mounted and started there ends with it.
const enter = `
set -e
mount --make-rprivate /
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mkdir -p old
pivot_root . old
cd /root/klp-docker
umount -l /old
exec env -i ${Object.entries(environment)
  .map(([name, value]) => `${name}=${quote(value)}`)
  .join(' ')} "\${@:2}"`;
console.error(chalk.bold(`$ ${command.join(' ')}`));
const shown = $({ stdio: ['ignore', 'inherit', 'inherit'], nothrow: true });
const { exitCode } =
  await shown`unshare --mount --pid --fork --kill-child bash -c ${enter} fresh ${realpathSync(dir)} ${command}`;
process.exit(exitCode);
