import { PassThrough } from 'node:stream';
import { Parser } from 'tar';
import { beforeAll, describe, expect, it } from 'vitest';
import { controllerContext } from '../../src/controller/context.js';
import { connectEngine } from '../../src/controller/docker/connect.js';
import { ensureImage } from '../../src/controller/images.js';
import { parseCmdFile, recordedCompilation } from '../../src/engine/kernel/cmd.js';
import { pinned } from '../setup/engine.js';

/** Every .cmd file of the image's kernel build, path to content. */
const files = new Map<string, string>();

beforeAll(async () => {
  const docker = await connectEngine({ env: process.env });
  const { ref } = await ensureImage(
    docker,
    pinned,
    controllerContext({ progress: () => undefined, timings: {} }),
  );
  const command = 'cd /usr/src/linux && find . -name ".*.cmd" -print0 | tar --create --null --files-from=-';
  const parser = new Parser({
    onReadEntry: (entry) => {
      const chunks: Buffer[] = [];
      entry.on('data', (chunk) => chunks.push(chunk));
      entry.on('end', () => files.set(entry.path, Buffer.concat(chunks).toString('utf8')));
    },
  });
  const stdout = new PassThrough();
  const ended = new Promise<void>((resolve, reject) => {
    parser.on('end', resolve);
    parser.on('error', reject);
  });
  stdout.on('data', (chunk: Buffer) => parser.write(chunk));
  stdout.on('end', () => parser.end());
  const [{ StatusCode }] = (await docker.run(
    ref,
    ['sh', '-c', command],
    [stdout, new PassThrough().resume()],
    {
      Tty: false,
      Entrypoint: [],
      NetworkDisabled: true,
      HostConfig: { AutoRemove: true, NetworkMode: 'none' },
    },
  )) as [{ StatusCode: number }];
  expect(StatusCode).toBe(0);
  stdout.end();
  await ended;
});

describe('the .cmd files of a real kernel build', () => {
  it('are read, all of them', () => {
    expect(files.size).toBeGreaterThan(1000);
    for (const [path, text] of files) expect(() => parseCmdFile(path, text), path).not.toThrow();
  });

  it('give a compilation for every object that has a source', () => {
    let compilations = 0;
    for (const [path, text] of files) {
      const cmd = parseCmdFile(path, text);
      if (cmd.source === undefined || !cmd.target.endsWith('.o')) continue;
      const { compile, others } = recordedCompilation(cmd);
      expect({ path, source: compile.at(-1), others }).toEqual({ path, source: cmd.source, others: [] });
      compilations++;
    }
    expect(compilations).toBeGreaterThan(1000);
  });
});
