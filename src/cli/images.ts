import type { Command } from 'commander';
import { controllerContext } from '../controller/context.js';
import { withEngine } from '../controller/docker/connect.js';
import { listImages } from '../controller/images.js';
import { renderCatalog } from '../report/catalog.js';
import { age, size, table } from '../report/units.js';
import { servedKernels, supportedLlvms, toolchainData } from '../shared/compilers.js';
import { emptyResult, type ImageEntry } from '../shared/result.js';
import type { CommonOptions } from './session.js';
import { addVerb, type Cli } from './verb.js';

/** `images`: the images that the Docker engine holds. */
export function registerImages(program: Command, cli: Cli): void {
  addVerb<CommonOptions & { catalog?: boolean }>(program, cli, {
    name: 'images',
    usage: '',
    summary: 'list the images that are here, or what can be built',
    options: [['--catalog', 'list which kernels can be built, and with which LLVM']],
    example: 'klp-docker images',
    run: async (_args, options, session) => {
      if (options.catalog === true) {
        const catalog = {
          kernels: servedKernels(),
          llvm: supportedLlvms().map((llvm) => ({ llvm, suite: toolchainData(llvm).suite })),
        };
        return {
          result: { ...emptyResult('ok'), catalog },
          text: renderCatalog(catalog.kernels, catalog.llvm),
        };
      }
      const context = controllerContext(session, session.io.env);
      const found = await withEngine(context, (docker) => listImages(docker, context));
      const images = found.map((image) => ({
        ...image,
        llvm: String(image.llvm),
        created: new Date(image.created * 1000).toISOString(),
      }));
      return {
        result: { ...emptyResult('ok'), images, timings: session.timings },
        text: renderImages(images, Date.now()),
      };
    },
  });
}

/** @param now milliseconds since 1970 */
export function renderImages(images: readonly ImageEntry[], now: number): string {
  if (images.length === 0) {
    return 'No images yet. Make one with: klp-docker build --kernel 6.12.107 --arch x86_64\n';
  }
  const rows = images.map(({ kernel, arch, llvm, config, series, size: bytes, created, ref }) => [
    kernel,
    arch,
    llvm,
    [config, ...series].join(' + '),
    size(bytes),
    age(now - Date.parse(created)),
    ref,
  ]);
  return `${table([['KERNEL', 'ARCH', 'LLVM', 'CONFIG', 'SIZE', 'AGE', 'IMAGE'], ...rows]).join('\n')}\n`;
}
