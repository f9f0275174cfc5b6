import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Parser, type ReadEntry } from 'tar';
import { z } from 'zod';
import { KlpError } from '../shared/errors.js';
import { readLivepatch, type LivepatchInfo } from './livepatch.js';

/** More than any livepatch needs; an archive beyond it is a mistake or a trap. */
const limits = { bytes: 256 * 1024 * 1024, entries: 1000 };

/** A livepatch as it was handed to us. */
export interface Subject {
  /** The module as a file of its own. */
  livepatch: string;
  /** Modules that it is known to patch. */
  objects: string[];
  /** What the module says of itself. */
  info: LivepatchInfo;
  /** What its package says of it. */
  manifest?: Manifest;
}

/** What is used of the manifest that lies beside the module in a package. */
const manifestSchema = z.object({
  /** SHA-256 of the module. */
  sha256: z.string().optional(),
  /** The kernel that it was made for. */
  kernel: z.object({ buildId: z.string().optional(), configSha256: z.string().optional() }).optional(),
  functions: z.array(z.object({ object: z.string().regex(/^[\w-]+$/) })).default([]),
});
export type Manifest = Partial<z.infer<typeof manifestSchema>>;

/**
 * Takes a module (.ko) or a package (.tgz). Nothing of a package is unpacked but the module, whose name in
 * `dir` is our own.
 * @param dir an empty folder
 * @throws KlpError `package-unusable`, `not-a-livepatch`
 */
export async function readSubject(path: string, dir: string): Promise<Subject> {
  if (await isElf(path)) {
    return { livepatch: path, objects: [], info: infoOf(await readFile(path), path) };
  }
  const { module, json } = await readPackage(path);
  const manifest = manifestOf(json);
  const sha256 = createHash('sha256').update(module).digest('hex');
  if (manifest?.sha256 !== undefined && manifest.sha256 !== sha256) {
    throw new KlpError('package-unusable', `${path}: the module is not the one that its manifest describes`, {
      file: path,
    });
  }
  const info = infoOf(module, path);
  const livepatch = join(dir, `${info.name}.ko`);
  await writeFile(livepatch, module);
  const functions = manifest?.functions ?? [];
  const objects = [...new Set(functions.map((f) => f.object))].filter((object) => object !== 'vmlinux');
  return { livepatch, objects, info, ...(manifest === undefined ? {} : { manifest }) };
}

/** What the module says of itself. A damaged file is the fault of what was handed to us, not of a kernel build. */
function infoOf(module: Uint8Array, path: string): LivepatchInfo {
  try {
    return readLivepatch(module, basename(path));
  } catch (cause) {
    if (!(cause instanceof KlpError) || cause.code !== 'elf-malformed') throw cause;
    throw new KlpError('package-unusable', `${path}: the module is damaged (${cause.message})`, {
      file: path,
      cause,
    });
  }
}

async function isElf(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('latin1') === '\u007fELF';
  } finally {
    await file.close();
  }
}

async function readPackage(path: string): Promise<{ module: Buffer; json: string | undefined }> {
  const found = new Map<string, Buffer>();
  let bytes = 0;
  let entries = 0;
  const problem = (what: string): KlpError =>
    new KlpError('package-unusable', `${path}: ${what}`, { file: path });
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry: ReadEntry) => {
      bytes += entry.size;
      entries += 1;
      if (bytes > limits.bytes || entries > limits.entries) {
        parser.abort(problem('it is larger than any livepatch'));
        return;
      }
      if (!/\.(ko|json)$/.test(entry.path) || entry.type !== 'File') {
        entry.resume();
        return;
      }
      if (found.has(entry.path)) {
        parser.abort(problem(`it holds ${entry.path} twice`));
        return;
      }
      const parts: Buffer[] = [];
      entry.on('data', (part: Buffer) => parts.push(part));
      entry.on('end', () => found.set(entry.path, Buffer.concat(parts)));
    },
  });
  try {
    await pipeline(createReadStream(path), parser as unknown as NodeJS.WritableStream);
  } catch (cause) {
    if (cause instanceof KlpError) throw cause;
    throw new KlpError('package-unusable', `${path} is neither a kernel module nor a package`, {
      file: path,
      cause,
    });
  }
  const modules = [...found.keys()].filter((name) => name.endsWith('.ko'));
  const [module] = modules;
  if (module === undefined || modules.length > 1) {
    throw problem(`it holds ${modules.length} modules; one is needed`);
  }
  const json = found.get(module.replace(/\.ko$/, '.json'));
  const data = found.get(module);
  if (data === undefined) throw problem('it is damaged');
  return { module: data, json: json?.toString('utf8') };
}

/** Undefined for none, and for one that cannot be read: the module itself tells all that must be known. */
function manifestOf(json: string | undefined): Manifest | undefined {
  if (json === undefined) return undefined;
  try {
    return manifestSchema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}
