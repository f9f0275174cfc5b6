import { basename } from 'node:path';
import { archData } from '../../shared/catalog.js';
import type { Code } from '../../shared/codes.js';
import { KlpError } from '../../shared/errors.js';
import type { Finding } from '../../shared/result.js';
import type { KernelTree, PatchedFile, TranslationUnit } from '../types.js';
import { noUnit } from './no-unit.js';
import { unitsByPath } from './units.js';

/** What is left of a patch set to make a livepatch of, and what was left out of it and why. */
export interface Preflight {
  files: PatchedFile[];
  findings: Finding[];
}

/**
 * Refuses, before any work, what can never become a livepatch, and leaves out what never reaches the kernel.
 * A file that an object of the kernel was made from is always kept, whatever its name.
 * @throws KlpError `file-added`, `file-deleted`, `file-renamed`, `build-file-changed`, `assembly-changed`,
 *   `rust-changed`, `not-built`, `object-not-livepatchable`; `nothing-to-patch` when no file is left
 */
export async function checkPatchedFiles(files: readonly PatchedFile[], tree: KernelTree): Promise<Preflight> {
  const units = await unitsByPath(
    tree,
    files.flatMap((file) => [file.path, ...(file.from === undefined ? [] : [file.from])]),
  );
  const kept: PatchedFile[] = [];
  const findings: Finding[] = files.flatMap((file) => file.notes ?? []);
  for (const file of files) {
    const reason = await whyDropped(file, tree, units);
    if (reason === undefined) kept.push(file);
    else
      findings.push({
        code: 'file-not-in-kernel',
        severity: 'note',
        message: `${file.path}: ${reason}`,
        file: file.path,
      });
  }
  if (kept.length > 0) return { files: kept, findings };
  const reasons = findings.filter(({ code }) => code === 'file-not-in-kernel').map(({ message }) => message);
  throw new KlpError('nothing-to-patch', `nothing in the patch reaches the kernel: ${reasons.join('; ')}`);
}

/** Why a file can be left out; undefined when it must be kept; throws when it can be neither. */
async function whyDropped(
  file: PatchedFile,
  tree: KernelTree,
  units: ReadonlyMap<string, TranslationUnit[]>,
): Promise<string | undefined> {
  const used = (units.get(file.path)?.length ?? 0) > 0 || (units.get(file.from ?? '')?.length ?? 0) > 0;
  const aside = used ? undefined : (besideTheKernel(file.path) ?? elsewhere(file.path, tree.arch));
  if (aside !== undefined) return aside;
  if (file.op === undefined && file.original === file.patched) return 'its content ends as it was';
  refuseOperation(file);
  if (!used && kindOf(file.path) === 'assembly') throw await noUnit(tree, file.path);
  refuseKind(file, used);
  if (used) return undefined;
  const reason = await noUnit(tree, file.path);
  if (reason.code === 'not-built' && kindOf(file.path) === 'header')
    return 'no object of this kernel reads it';
  throw reason;
}

/** Top folders whose files are made for people and user space; an object of the kernel that reads one is found before. */
const foldersBeside = new Map([
  ['Documentation', 'documentation'],
  ['LICENSES', 'documentation'],
  ['tools', 'a tool that runs in user space'],
  ['samples', 'a sample that this kernel does not contain'],
]);
const filesBeside = new Set(['MAINTAINERS', 'CREDITS', 'COPYING', 'README']);

function besideTheKernel(path: string): string | undefined {
  const folder = foldersBeside.get(path.split('/')[0] ?? '');
  if (folder !== undefined) return folder;
  const name = basename(path);
  if (name.startsWith('.') || filesBeside.has(name) || /\.(rst|md)$/.test(name)) return 'documentation';
  return undefined;
}

/** Why a file that no object reads cannot matter to a kernel of this architecture; undefined when it can. */
export function elsewhere(path: string, arch: string): string | undefined {
  const other = /^arch\/([^/]+)\/./.exec(path)?.[1];
  return other === undefined || other === archData(arch).kernelArch
    ? undefined
    : `it belongs to another architecture, ${other}`;
}

type SourceKind = 'c' | 'header' | 'assembly' | 'rust' | 'build';

function kindOf(path: string): SourceKind {
  if (/\.lds(\.[Sh])?$/.test(path)) return 'build';
  if (path.endsWith('.c')) return 'c';
  if (path.endsWith('.h')) return 'header';
  if (/\.[sS]$/.test(path)) return 'assembly';
  if (path.endsWith('.rs')) return 'rust';
  return 'build';
}

const refusedKinds: Partial<Record<SourceKind, { code: Code; what: string }>> = {
  assembly: { code: 'assembly-changed', what: 'is assembly code' },
  rust: { code: 'rust-changed', what: 'is Rust code' },
  build: { code: 'build-file-changed', what: 'takes effect only when a kernel is built' },
};

function refuseKind(file: PatchedFile, used: boolean): void {
  const kind = kindOf(file.path);
  const refused = refusedKinds[kind];
  // Text of any name may be included by C code (tables, generated lists); then it is compiled like a header.
  if (!refused || (kind === 'build' && used)) return;
  throw new KlpError(
    refused.code,
    `${file.path} ${refused.what}, so a change of it cannot be livepatched`,
    placeOf(file),
  );
}

function refuseOperation(file: PatchedFile): void {
  if (file.op === 'added') throw new KlpError('file-added', `the patch adds ${file.path}`, placeOf(file));
  if (file.op === 'deleted')
    throw new KlpError('file-deleted', `the patch deletes ${file.path}`, placeOf(file));
  if (file.op === 'renamed') {
    const from = file.from === undefined ? '' : `${file.from} to `;
    throw new KlpError('file-renamed', `the patch renames or copies ${from}${file.path}`, placeOf(file));
  }
}

function placeOf(file: PatchedFile): { file: string; line?: number } {
  const line = file.changed[0]?.from;
  return { file: file.path, ...(line === undefined ? {} : { line }) };
}
