// What a fresh machine lacks: Debian packages and node_modules. Runs before `npm ci`, so it uses Node alone.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { env, execPath, exit, getuid, stderr } from 'node:process';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** The environment is at fault: the exit code that klp-docker itself has for this. */
export const environmentExit = 5;

/** The kernels that the quickstart, the tests and the benchmark use. */
export const pinned = JSON.parse(readFileSync(new URL('../pinned.json', import.meta.url), 'utf8'));

/** Says something to the person at the terminal, apart from what programs print. */
export function say(text) {
  stderr.write(`${text}\n`);
}

/** Ends the run with an explanation and the command that helps. */
export function giveUp(why, command) {
  say(`\n${why}${command === undefined ? '' : ` Run this, then try again:\n  ${command}`}`);
  exit(environmentExit);
}

/** Runs a program with its output on stderr. Returns true when it succeeded. */
function succeeds(file, args) {
  return spawnSync(file, args, { cwd: root, stdio: ['ignore', 2, 2] }).status === 0;
}

/** Runs an apt or dpkg command, whose many lines are of interest only when it fails. */
function quietly(file, args) {
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  const ran = spawnSync(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    env: { ...env, ...quiet },
  });
  if (ran.status !== 0) say(`${file} ${args.join(' ')}\n${ran.stdout ?? ''}${ran.stderr ?? ''}`);
  return ran.status === 0;
}

/**
 * Installs the Debian packages that are missing when this is root on Debian or a derivative, else prints the
 * command that does. `arch` is that of the kernel to be booted. What is there in whatever way (another Docker than Debian's) is left alone.
 */
export function ensureSystemPackages({ forTests = false, arch } = {}) {
  const known = JSON.parse(readFileSync(new URL('../system-packages.json', import.meta.url), 'utf8'));
  const engineElsewhere = env.DOCKER_HOST !== undefined || existsSync('/var/run/docker.sock');
  const missing = known.filter(
    (one) =>
      !one.any.some((path) => existsSync(path)) &&
      !(one.engine && engineElsewhere) &&
      (forTests || (!one.testsOnly && (one.arch === undefined || one.arch === arch))),
  );
  if (missing.length === 0) return;
  const names = missing.map((one) => one.package);
  const install = ['install', '-y', '--no-install-recommends', ...names];
  const byHand = `sudo apt-get update && sudo apt-get ${install.join(' ')}`;
  const list = missing.map((one) => `  ${one.package} (${one.for})`).join('\n');
  if (!existsSync('/usr/bin/apt-get')) {
    giveUp(`These Debian packages, or what your system calls them, are missing:\n${list}`);
  }
  if (getuid() !== 0)
    giveUp(`These packages are missing, and only root can install them:\n${list}\n`, byHand);
  say(`installing ${names.join(' ')} with apt-get; this takes a minute or two`);
  const wait = ['-q', '-o', 'DPkg::Lock::Timeout=600', '-o', 'Acquire::Retries=3'];
  // A repository that does not answer is no reason to stop as long as the packages can be had.
  if (!quietly('apt-get', [...wait, 'update'])) say('apt-get update failed; trying to install all the same');
  if (!withoutServices(() => quietly('apt-get', [...wait, ...install]))) {
    giveUp(`apt-get could not install ${names.join(' ')}.`, byHand);
  }
}

/**
 * Debian starts a service once its package is installed. Where that fails, as in a container without an init,
 * the package is installed nonetheless; klp-docker starts an engine itself when none answers.
 */
function withoutServices(install) {
  return install() || (quietly('dpkg', ['--configure', '-a']) && install());
}

/** True when node_modules holds exactly what package-lock.json asks for. */
function modulesMatch() {
  const installed = new URL('../../node_modules/.package-lock.json', import.meta.url);
  if (!existsSync(installed)) return false;
  const wanted = JSON.parse(
    readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'),
  ).packages;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, one]) => path === '' || one.optional || present[path]?.version === one.version,
  );
}

/** Runs `npm ci` unless node_modules is there and complete. */
export function ensureNodeModules() {
  if (modulesMatch()) return;
  say('installing the libraries of package-lock.json (npm ci)');
  // Started by npm, this is npm's own script; by hand, the npm on PATH.
  const npm = env.npm_execpath;
  const ok = npm?.endsWith('.js') ? succeeds(execPath, [npm, 'ci']) : succeeds('npm', ['ci']);
  if (!ok) giveUp('npm ci failed; see above.', `cd ${root} && npm ci`);
}

/** Compiles what bin/ starts, unless nothing has changed since the last time. */
export function compile() {
  // The bundle is made last.
  const made = statSync(join(root, 'dist', 'llpatch.mjs'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (made > Math.max(...['src', 'scripts'].map((dir) => newest(join(root, dir))))) return;
  if (!succeeds(execPath, ['scripts/compile.mjs', '--no-check'])) {
    giveUp('klp-docker does not compile; see above.', `cd ${root} && npm run build`);
  }
}

/** When the newest file below a folder was changed, in milliseconds since 1970. */
function newest(dir) {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(...files.map((file) => statSync(join(file.parentPath, file.name)).mtimeMs));
}

/** Refuses a Node that is too old, in words that such a Node still understands. */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  giveUp(`Node ${process.versions.node} is too old: klp-docker needs 20.19 or newer.`);
}
