// Runs inside an image: compiles one kernel file again with the command that the kernel build recorded, ROUNDS times,
// and prints the wall time of each in milliseconds as JSON. The kernel tree is only read.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { argv, exit, stderr, stdout } from 'node:process';

const [, , source = '', rounds = '5'] = argv;
const tree = '/usr/src/linux';
const object = source.replace(/\.c$/, '.o');
const record =
  readFileSync(join(tree, dirname(object), `.${basename(object)}.cmd`), 'utf8').split('\n')[0] ?? '';
const command = record
  .replace(/^(?:saved)?cmd_\S+ := /, '')
  .replaceAll('$(pound)', '#')
  .replaceAll('$$', '$')
  .split(/ ; | && /)[0]
  .replace(/-Wp,-MMD,\S+/, '')
  .replace(` -o ${object} `, ' -o /job/out/x.o ');
const times = [];
for (let i = 0; i < Number(rounds); i++) {
  const started = performance.now();
  const ran = spawnSync('sh', ['-c', `exec ${command}`], { cwd: tree, stdio: ['ignore', 'ignore', 'pipe'] });
  if (ran.status !== 0) {
    stderr.write(ran.stderr);
    exit(1);
  }
  times.push(performance.now() - started);
}
stdout.write(JSON.stringify(times));
