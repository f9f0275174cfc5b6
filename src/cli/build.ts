import type { Command } from 'commander';
import { controllerContext } from '../controller/context.js';
import { withEngine } from '../controller/docker/connect.js';
import { ensureImage, pushToRegistry, type Image } from '../controller/images.js';
import type { ResultDocument } from '../shared/result.js';
import { imageRequest, kernelOptions, type KernelOptions } from './kernel-options.js';
import type { CommonOptions } from './session.js';
import { addVerb, type Cli } from './verb.js';

interface BuildOptions extends KernelOptions, CommonOptions {
  push?: boolean;
}

/** `build`: makes the image of a kernel, or finds it. */
export function registerBuild(program: Command, cli: Cli): void {
  addVerb<BuildOptions>(program, cli, {
    name: 'build',
    usage: '',
    summary: 'make the image of a kernel: its source, its clang, and the kernel built with it',
    options: [
      ...kernelOptions(),
      ['--push', 'push the image to the registry (KLP_DOCKER_REGISTRY) and name it by its digest there'],
    ],
    example: 'klp-docker build --kernel 6.12.107 --arch x86_64',
    repeatable: true,
    run: async (_args, options, session) => {
      const context = controllerContext({ ...session, findings: session.known.findings }, session.io.env);
      const request = imageRequest(options);
      return withEngine(context, async (docker) => {
        const image = await ensureImage(docker, request, context);
        Object.assign(session.known, imageFacts(image), { status: 'built' });
        if (options.push === true) {
          const pushed = await pushToRegistry(docker, image, context);
          session.known.image = { ...pushed, origin: image.origin };
        }
        return { result: session.known };
      });
    },
  });
}

/** What a result document says about the image that was used. */
export function imageFacts(image: Image): Pick<ResultDocument, 'kernel' | 'toolchain' | 'image'> {
  return {
    kernel: {
      release: image.kernel,
      arch: image.arch,
      configSha256: image.configSha256,
      ...(image.series.length === 0 ? {} : { series: image.series }),
    },
    toolchain: { compiler: `clang ${image.llvm}`, llvm: String(image.llvm) },
    image: { ref: image.ref, digest: image.digest, origin: image.origin },
  };
}
