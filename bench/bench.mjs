// `npm run bench [-- ROUNDS]`: what a livepatch costs, beside one `clang -c` of the same file, in one run on one machine.
// Needs the image of the first kernel in scripts/pinned.json (it is made if it is missing) and nothing else.
import { copyFile, mkdir, mkdtemp, chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, env, exit, stdout } from 'node:process';
import { compile, ensureNodeModules, ensureSystemPackages, pinned, root } from '../scripts/lib/setup.mjs';

const rounds = Number(argv[2] ?? 5);
if (!Number.isInteger(rounds) || rounds < 1) {
  stdout.write('usage: npm run bench [-- ROUNDS]\n');
  exit(2);
}
ensureSystemPackages();
ensureNodeModules();
compile();
const { controllerContext } = await import('../dist/controller/context.js');
const { withEngine } = await import('../dist/controller/docker/connect.js');
const { runConfined } = await import('../dist/controller/docker/container.js');
const { generateInImage } = await import('../dist/controller/generate.js');
const { ensureImage } = await import('../dist/controller/images.js');

const cases = [
  { source: 'fs/proc/meminfo.c', example: 'proc-meminfo' },
  { source: 'fs/ext4/sysfs.c', example: 'ext4-feature' },
  { source: 'fs/proc/array.c', example: 'inlined-task-state' },
];

const context = controllerContext({ progress: () => undefined, timings: {}, findings: [] }, env);
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
const ms = (value) => `${Math.round(value)} ms`.padStart(9);

await withEngine(context, async (docker) => {
  const image = await ensureImage(docker, pinned.tests[0], context);
  stdout.write(`Linux ${image.kernel} ${image.arch}, clang ${image.llvm}; median of ${rounds} rounds\n`);
  const dir = await mkdtemp(join(tmpdir(), 'klp-bench-'));
  try {
    for (const { source, example } of cases) {
      const compiled = median(await clangTimes(docker, image, source, join(dir, example)));
      const walls = [];
      const stages = new Map();
      for (let i = 0; i < rounds; i++) {
        const started = performance.now();
        const result = await generateInImage(
          docker,
          image,
          { patches: [join(root, 'examples', example, `${example}.patch`)], outDir: join(dir, 'out') },
          context,
        );
        walls.push(performance.now() - started);
        if (result.status !== 'livepatch') throw new Error(`${example}: ${JSON.stringify(result.findings)}`);
        for (const [name, time] of Object.entries(result.timings)) {
          stages.set(name, [...(stages.get(name) ?? []), time]);
        }
      }
      const engine = median(stages.get('total') ?? [0]);
      const ratio = (value) => `${(value / compiled).toFixed(1)} x clang -c`;
      stdout.write(`\n${source} (examples/${example})\n`);
      stdout.write(`${ms(compiled)}  one clang -c of the file\n`);
      stdout.write(`${ms(engine)}  our generation inside the container: ${ratio(engine)}\n`);
      stdout.write(`${ms(median(walls))}  the same with the container around it: ${ratio(median(walls))}\n`);
      for (const [name, times] of stages) {
        if (name !== 'total') stdout.write(`  ${ms(median(times))}  ${name}\n`);
      }
    }
    stdout.write('\nStages run side by side where they can, so their sum is more than the whole.\n');
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

/** Times of `clang -c` in a container of the image, ms. */
async function clangTimes(docker, image, source, dir) {
  for (const name of ['out', 'tmp']) {
    await mkdir(join(dir, name), { recursive: true });
    await chmod(join(dir, name), 0o777);
  }
  await copyFile(join(root, 'bench', 'clang-c.mjs'), join(dir, 'clang-c.mjs'));
  await chmod(dir, 0o777);
  let output = '';
  let errors = '';
  await runConfined(
    docker,
    {
      image: image.digest,
      argv: ['node', '/job/clang-c.mjs', source, String(rounds)],
      env: { TMPDIR: '/job/tmp' },
      input: dir,
      workDir: '/job',
      memory: 4096,
      onStdout: (text) => (output += text),
      onStderr: (text) => (errors += text),
    },
    context,
    async ({ exitCode }) => {
      if (exitCode !== 0) throw new Error(`clang -c of ${source} failed: ${errors}`);
    },
  );
  return JSON.parse(output);
}
