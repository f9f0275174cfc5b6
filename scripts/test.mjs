// `npm test [-- SUITE...]`: sets up what is missing, then runs every check and every test suite and counts them.
// Suites: checks, unit, integration, qemu. Without a name, all. The last line is `N passed, N failed`.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, execPath, exit } from 'node:process';
import { checkNode, compile, ensureNodeModules, ensureSystemPackages, root, say } from './lib/setup.mjs';

const suites = ['checks', 'unit', 'integration', 'qemu'];
const asked = argv.slice(2);
const unknown = asked.filter((name) => !suites.includes(name));
if (unknown.length > 0) {
  say(`There is no suite ${unknown.join(', ')}. Suites: ${suites.join(', ')}.`);
  exit(2);
}
const chosen = asked.length === 0 ? suites : asked;

checkNode();
if (chosen.some((name) => name !== 'checks')) ensureSystemPackages({ forTests: true });
ensureNodeModules();
compile();

const checks = [
  { name: 'types', args: ['node_modules/typescript/bin/tsc', '--noEmit'] },
  { name: 'lint', args: ['node_modules/eslint/bin/eslint.js', '.'] },
  { name: 'format', args: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'] },
];

let current;
let interrupted = false;
// The running program cleans up and ends; then this does.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    interrupted = true;
    if (signal === 'SIGTERM') current?.kill(signal);
  });
}

/** Runs a Node program with its output shown. Resolves with its exit code. */
function node(args) {
  return new Promise((resolve) => {
    current = spawn(execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    current.on('close', (code) => {
      if (interrupted) exit(130);
      resolve(code ?? 1);
    });
  });
}

const total = { passed: 0, failed: 0, skipped: 0 };
const lines = [];

function add(name, { passed, failed, skipped }, started) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const also = skipped === 0 ? '' : `, ${skipped} skipped`;
  lines.push(
    `  ${failed === 0 ? 'ok  ' : 'FAIL'}  ${name.padEnd(20)} ${passed} passed, ${failed} failed${also} (${seconds} s)`,
  );
}

async function runChecks() {
  for (const check of checks) {
    say(`\n== ${check.name}`);
    const started = performance.now();
    const code = await node(check.args);
    add(check.name, { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }, started);
  }
}

/** Runs vitest and counts by its own report; a run that ends badly without a failed test is one failure. */
async function runVitest(projects) {
  say(`\n== ${projects.join(', ')}`);
  const dir = mkdtempSync(join(tmpdir(), 'klp-test-report-'));
  const report = join(dir, 'report.json');
  const started = performance.now();
  try {
    const code = await node([
      ...['node_modules/vitest/vitest.mjs', 'run', ...projects.flatMap((name) => ['--project', name])],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ]);
    const counts = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {};
    const failed = counts.numFailedTests ?? 0;
    add(
      projects.join(', '),
      {
        passed: counts.numPassedTests ?? 0,
        failed: code !== 0 && failed === 0 ? 1 : failed,
        skipped: (counts.numPendingTests ?? 0) + (counts.numTodoTests ?? 0),
      },
      started,
    );
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (chosen.includes('checks')) await runChecks();
if (chosen.includes('unit')) await runVitest(['unit']);
const heavy = chosen.filter((name) => name === 'integration' || name === 'qemu');
if (heavy.length > 0) await runVitest(heavy);

say(`\n${lines.join('\n')}`);
if (total.skipped > 0) say(`  ${total.skipped} skipped tests count neither way`);
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
exit(total.failed === 0 ? 0 : 1);
