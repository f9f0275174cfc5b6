import { expect, it } from 'vitest';
import { buildNote } from '../../../src/controller/build-note.js';
import type { LocalImage } from '../../../src/controller/docker/images.js';
import { label } from '../../../src/controller/labels.js';
import { kernelConfig, recipe } from '../../../src/controller/recipe.js';
import { archData } from '../../../src/shared/catalog.js';

const arch = archData('x86_64');

function image(kernel: string, llvm: string, config: string, name = 'x86_64'): LocalImage {
  const labels = {
    [label.kernel]: kernel,
    [label.llvm]: llvm,
    [label.config]: config,
    [label.arch]: name,
  };
  return { ref: `klp-docker-kernel:${kernel}`, id: '', labels, size: 0, created: 0 };
}

it('a build is announced with its time, and with the ways to ask for what is here already', () => {
  const here = [
    image('7.2.6', '22', 'tiny'),
    image('7.2.6', '22', 'tiny'),
    image('7.2.6', '19', 'defconfig'),
    image('7.2.6', '23', 'file'),
    image('7.2.6', '19', 'tiny'),
    image('7.2.5', '17', 'tiny'),
    image('7.2.6', '18', 'tiny', 'arm64'),
  ];
  expect(buildNote('7.2.6', recipe(arch, 19, kernelConfig('tiny', arch)), here)).toBe(
    'there is no image of Linux 7.2.6 (x86_64, LLVM 19, tiny): it is built now, which takes 10 to 20 minutes on two cores. ' +
      'Of this kernel there is one with --llvm 22, one with --config defconfig, one with --llvm 23 --config FILE, ' +
      'one made by another recipe, series or source',
  );
});

it('a build of a larger configuration is said to take longer', () => {
  const note = buildNote('7.2.6', recipe(arch, 19, kernelConfig('defconfig', arch)), []);
  expect(note).toMatch(/LLVM 19, defconfig\).* several times that$/);
});
