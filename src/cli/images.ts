import type { Command } from 'commander';
import { controllerContext } from '../controller/context.js';
import { withEngine } from '../controller/docker/connect.js';
import { listImages } from '../controller/images.js';
import { size, table } from '../report/units.js';
import { emptyResult, type ImageEntry } from '../shared/result.js';
import { addVerb, type Cli } from './verb.js';

/** `images`: the images that the Docker engine holds. */
export function registerImages(program: Command, cli: Cli): void {
  addVerb(program, cli, {
    name: 'images',
    usage: '',
    summary: 'list the images that are here',
    example: 'klp-docker images',
    run: async (_args, _options, session) => {
      const context = controllerContext(session, session.io.env);
      const found = await withEngine(context, (docker) => listImages(docker, context));
      const images = found.map((image) => ({
        ...image,
        llvm: String(image.llvm),
        created: new Date(image.created * 1000).toISOString(),
      }));
      return {
        result: { ...emptyResult('ok'), images, timings: session.timings },
        text: renderImages(images),
      };
    },
  });
}

function renderImages(images: readonly ImageEntry[]): string {
  if (images.length === 0) {
    return 'No images yet. Make one with: klp-docker build --kernel 6.12.107 --arch x86_64\n';
  }
  const rows = images.map(({ kernel, arch, llvm, config, series, size: bytes, created, ref }) => [
    kernel,
    arch,
    llvm,
    [config, ...series].join(' + '),
    size(bytes),
    created.slice(0, 16).replace('T', ' '),
    ref,
  ]);
  return `${table([['KERNEL', 'ARCH', 'LLVM', 'CONFIG', 'SIZE', 'CREATED (UTC)', 'IMAGE'], ...rows]).join('\n')}\n`;
}
