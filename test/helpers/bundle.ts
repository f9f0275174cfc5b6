import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Bundles a program with the engine's code to `main.mjs` in a folder, to be run by the Node of an image. */
export async function bundleForImage(entry: string, dir: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile: join(dir, 'main.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node18',
    logLevel: 'warning',
    banner: { js: "import { createRequire as r } from 'node:module';\nconst require = r(import.meta.url);" },
  });
  cpSync('images/catalog', join(dir, 'images', 'catalog'), { recursive: true });
}
