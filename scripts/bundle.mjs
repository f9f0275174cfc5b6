// Bundles the engine with its libraries into dist/llpatch.mjs, the one file that goes into images.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
if (!existsSync(new URL('../src/engine/main.ts', import.meta.url))) {
  console.error('scripts/bundle.mjs: src/engine/main.ts is missing: there is no engine to bundle');
  process.exit(1);
}

await build({
  absWorkingDir: root,
  stdin: { contents: "import { main } from './src/engine/main.ts';\nawait main();\n", resolveDir: root },
  outfile: 'dist/llpatch.mjs',
  bundle: true,
  platform: 'node',
  format: 'esm',
  // Debian 12, which carries LLVM 13 to 16, has Node 18.
  target: 'node18',
  // Some libraries are CommonJS and call require() for Node's own modules.
  banner: {
    js: "import { createRequire as klpCreateRequire } from 'node:module';\nconst require = klpCreateRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
