import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readBuild } from '../../../src/controller/docker/build.js';
import type { ProgressEvent } from '../../../src/shared/progress.js';

/** The engine's answer to a build, cut into pieces that do not end where messages end. */
function answer(messages: object[], pieceLength = 7): NodeJS.ReadableStream {
  const bytes = Buffer.from(messages.map((message) => `${JSON.stringify(message)}\r\n`).join(''));
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceLength) pieces.push(bytes.subarray(at, at + pieceLength));
  return Readable.from(pieces, { objectMode: false });
}

function read(messages: object[]) {
  const events: ProgressEvent[] = [];
  const context = {
    signal: new AbortController().signal,
    progress: (event: ProgressEvent) => events.push(event),
  };
  return { events, id: readBuild(answer(messages), context) };
}

const step = { stream: 'Step 4/9 : RUN sh /klp/kernel.sh\n' };

describe('the output of an image build', () => {
  it('ends in the image id and shows each line as it comes', async () => {
    const { id, events } = read([
      step,
      { stream: '  CC      fs/' },
      { stream: 'proc/stat.o\n  AR      x.a\n' },
      { aux: { ID: 'sha256:1' } },
    ]);
    await expect(id).resolves.toBe('sha256:1');
    expect(events.map((event) => 'text' in event && event.text)).toContain('  CC      fs/proc/stat.o');
  });

  it('fails on an error message in a stream that was answered with 200, and names the step', async () => {
    const { id } = read([
      step,
      { stream: "fs/proc/stat.c:9:1: error: unknown type name 'foo'\n" },
      {
        errorDetail: { code: 2, message: 'returned a non-zero code: 2' },
        error: 'returned a non-zero code: 2',
      },
    ]);
    await expect(id).rejects.toMatchObject({
      code: 'image-build-failed',
      message: expect.stringContaining('RUN sh /klp/kernel.sh') as string,
      detail: {
        output: expect.stringMatching(/unknown type name 'foo'\nreturned a non-zero code: 2$/) as string,
      },
    });
  });

  it('fails when an id came before the error', async () => {
    const { id } = read([{ aux: { ID: 'sha256:1' } }, step, { error: 'no space left on device' }]);
    await expect(id).rejects.toMatchObject({ code: 'image-build-failed' });
  });

  it('fails when the stream just ends', async () => {
    await expect(read([step]).id).rejects.toMatchObject({ code: 'image-build-failed' });
  });

  it('takes the reason that a build script gives', async () => {
    const { id } = read([
      step,
      {
        stream: '\u001b[91mklp-docker: config-lost-option: CONFIG_LIVEPATCH (depends on: MODULES)\n\u001b[0m',
      },
      { error: 'returned a non-zero code: 3' },
    ]);
    await expect(id).rejects.toMatchObject({
      code: 'config-lost-option',
      kind: 'refused',
      message: 'CONFIG_LIVEPATCH (depends on: MODULES)',
    });
  });

  it('shows no more than the last lines of a long log', async () => {
    const lines = Array.from({ length: 1000 }, (_, i) => ({ stream: `line ${i}\n` }));
    const { id } = read([...lines, { error: 'failed' }]);
    const error = (await id.catch((thrown: unknown) => thrown)) as { detail: { output: string } };
    const shown = error.detail.output.split('\n');
    expect(shown.length).toBeLessThan(60);
    expect(shown).toContain('line 999');
  });
});
