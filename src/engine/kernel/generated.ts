import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '../../shared/result.js';
import type { KernelTree } from '../types.js';
import { cmdPathOf, parseCmdFile } from './cmd.js';
import { sourcePaths, usedObjects } from './units.js';

/**
 * What other programs than the compiler made of the given files: C sources of the kernel that the build generated, as
 * arch/x86/kernel/cpu/mkcapflags.sh makes the names of processor features from the header that numbers them. A livepatch
 * has no part of that, and nothing else would tell.
 * @param paths relative to the source tree
 */
export async function generatedFindings(tree: KernelTree, paths: readonly string[]): Promise<Finding[]> {
  const toSourcePath = sourcePaths(tree);
  const findings: Finding[] = [];
  for (const object of [...(await usedObjects(tree))].sort()) {
    const source = object.replace(/o$/, 'c');
    const record = cmdPathOf(source);
    if (!existsSync(join(tree.dir, record))) continue;
    const text = await readFile(join(tree.dir, record), 'utf8');
    const words = parseCmdFile(record, text).command.split(/[\s'"();|<>&]+/);
    const inputs = new Set(words.map(toSourcePath));
    for (const file of paths.filter((path) => inputs.has(path))) {
      findings.push({
        code: 'generated-not-remade',
        severity: 'warning',
        message: `the build made ${source} from ${file} by another program; the livepatch leaves it as it was`,
        file,
      });
    }
  }
  return findings;
}
