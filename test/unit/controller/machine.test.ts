import type Docker from 'dockerode';
import { describe, expect, it } from 'vitest';
import { controllerContext } from '../../../src/controller/context.js';
import { checkMachine } from '../../../src/controller/docker/images.js';
import { ensureImage } from '../../../src/controller/images.js';
import { label } from '../../../src/controller/labels.js';
import { imageTag, inputsHash, kernelConfig, recipe } from '../../../src/controller/recipe.js';
import { archData } from '../../../src/shared/catalog.js';

const context = controllerContext({ progress: () => undefined, timings: {} }, {});
const arch = archData('x86_64');
const of = recipe(arch, 19, kernelConfig('tiny', arch));
const sourceSha256 = 'a'.repeat(64);
const inputs = inputsHash(of, sourceSha256);
const ref = `klp-docker-kernel:${imageTag(of, '6.12.107', inputs)}`;

/** An engine on an amd64 machine that holds the image of a kernel for x86_64. */
function engineWith(architecture: string): Docker {
  const labels = {
    [label.kernel]: '6.12.107',
    [label.arch]: 'x86_64',
    [label.llvm]: '19',
    [label.inputs]: inputs,
    [label.sourceSha256]: sourceSha256,
  };
  const image = { RepoTags: [ref], Id: 'sha256:1', Labels: labels, Size: 1, Created: 1 };
  const engine = {
    listImages: async () => [image],
    getImage: () => ({ inspect: async () => ({ Id: image.Id, Os: 'linux', Architecture: architecture }) }),
    version: async () => ({ Os: 'linux', Arch: 'amd64' }),
  };
  return engine as unknown as Docker;
}

describe('an image of another machine', () => {
  it('is refused when it is here, whatever kernel is in it', async () => {
    const request = { kernel: '6.12.107', arch: 'x86_64' };
    await expect(ensureImage(engineWith('arm64'), request, context)).rejects.toMatchObject({
      code: 'image-for-other-machine',
      kind: 'environment',
      message: expect.stringMatching(`${ref} are for arm64 machines, .* on x86_64`) as string,
      advice: expect.stringContaining('docker rmi') as string,
    });
  });

  it('is named by its platform when the catalogue does not know it', async () => {
    await expect(checkMachine(engineWith('riscv64'), ref, context.signal)).rejects.toThrow('linux/riscv64');
    await expect(checkMachine(engineWith('amd64'), ref, context.signal)).resolves.toBeUndefined();
  });
});
