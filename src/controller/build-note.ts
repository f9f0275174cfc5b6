import type { LocalImage } from './docker/images.js';
import { label } from './labels.js';
import type { Recipe } from './recipe.js';

/**
 * What is said before a kernel is built: that there is no image, how long it takes, and which images of this kernel are
 * here that were asked for in another way.
 * @param version of the kernel, in full
 * @param images those of kernels that the engine has
 */
export function buildNote(version: string, recipe: Recipe, images: readonly LocalImage[]): string {
  const { arch, toolchain, config } = recipe;
  const what = `there is no image of Linux ${version} (${arch.name}, LLVM ${toolchain.llvm}, ${config.name})`;
  const time = `10 to 20 minutes on two cores${config.name === 'tiny' ? '' : ' for `tiny`, and for this configuration several times that'}`;
  const ways = images
    .filter(({ labels }) => labels[label.kernel] === version && labels[label.arch] === arch.name)
    .map(({ labels }) => askedBy(labels, recipe));
  const others =
    ways.length === 0 ? '' : `. Of this kernel there is one ${[...new Set(ways)].join(', one ')}`;
  return `${what}: it is built now, which takes ${time}${others}`;
}

/** How an image is asked for, as far as that differs. */
function askedBy(labels: Record<string, string>, { toolchain, config }: Recipe): string {
  const llvm = labels[label.llvm] ?? '';
  const name = labels[label.config] ?? '';
  const options = [
    ...(llvm === String(toolchain.llvm) ? [] : [`--llvm ${llvm}`]),
    ...(name === config.name ? [] : [`--config ${name === 'file' ? 'FILE' : name}`]),
  ];
  return options.length > 0 ? `with ${options.join(' ')}` : 'made by another recipe, series or source';
}
