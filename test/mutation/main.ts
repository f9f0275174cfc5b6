import { writeFile } from 'node:fs/promises';
import { score } from './score.js';

/** KERNEL SEED COUNT OUTPUT FILE...: writes the scores as JSON. */
const [kernel = '', seed, count, output = '', ...files] = process.argv.slice(2);
await writeFile(output, JSON.stringify(await score(kernel, files, Number(count), Number(seed))));
