import type { ModuleBuild } from '../../shared/result.js';
import type { KlpFunc } from '../types.js';

/** Functions that run around the patching of one object; each names a global function in the livepatch's objects. */
export interface ObjectCallbacks {
  objname: string;
  prePatch?: string;
  postPatch?: string;
  preUnpatch?: string;
  postUnpatch?: string;
}

export interface WrapperInput {
  funcs: readonly KlpFunc[];
  callbacks: readonly ObjectCallbacks[];
  /** Replace all livepatches that are active (struct klp_patch.replace). */
  replace: boolean;
  /** Namespaces of exported symbols that the livepatch uses. */
  namespaces: readonly string[];
  /** For modinfo. */
  description: string;
  /** GNU build id of the kernel that the livepatch is made for, hex; for modinfo. */
  kernelBuildId?: string;
  /** The builds of the modules that it patches or whose symbols it uses; for modinfo. */
  modules: readonly ModuleBuild[];
  /** A C file in the same folder to take in at the end: what modpost wrote. */
  include: string;
}

/**
 * The C source that makes a module of the generated objects: the tables of struct klp_patch, the entry points,
 * the module information. Order and text depend on the input alone.
 */
export function wrapperSource(input: WrapperInput): string {
  const objects = [...new Set([...input.funcs, ...input.callbacks].map((f) => f.objname))].sort(vmlinuxFirst);
  const parts = [
    '#include <linux/module.h>\n#include <linux/livepatch.h>\n',
    ...input.funcs.map((f, i) => `extern void klp_new_${i}(void) __asm__(${cString(f.newName)});`),
    ...input.callbacks.flatMap((c) => callbackDeclarations(c)),
    ...objects.map((objname, i) => functionTable(input.funcs, objname, i)),
    objectTable(objects, input.callbacks),
    `static struct klp_patch klp_patch = {\n\t.mod = THIS_MODULE,\n\t.objs = klp_objects,\n\t.replace = ${input.replace},\n};\n`,
    'static int __init klp_module_init(void)\n{\n\treturn klp_enable_patch(&klp_patch);\n}\n',
    'static void __exit klp_module_exit(void)\n{\n}\n',
    'module_init(klp_module_init);\nmodule_exit(klp_module_exit);',
    'MODULE_LICENSE("GPL");\nMODULE_INFO(livepatch, "Y");',
    `MODULE_DESCRIPTION(${cString(input.description)});`,
    ...(input.kernelBuildId === undefined
      ? []
      : [`MODULE_INFO(klp_build_id, ${cString(input.kernelBuildId)});`]),
    ...input.modules.map((m) => `MODULE_INFO(klp_module_build_id, ${cString(`${m.name}:${m.buildId}`)});`),
    // What MODULE_IMPORT_NS makes, whose own spelling changed in 6.13.
    ...[...input.namespaces].sort().map((n) => `MODULE_INFO(import_ns, ${cString(n)});`),
    `#include ${JSON.stringify(input.include)}`,
  ];
  return `${parts.join('\n')}\n`;
}

function vmlinuxFirst(a: string, b: string): number {
  if (a === b) return 0;
  if (a === 'vmlinux' || b === 'vmlinux') return a === 'vmlinux' ? -1 : 1;
  return a < b ? -1 : 1;
}

function functionTable(funcs: readonly KlpFunc[], objname: string, index: number): string {
  const rows = funcs.flatMap((f, i) =>
    f.objname === objname
      ? [`\t{ .old_name = ${cString(f.oldName)}, .new_func = klp_new_${i}, .old_sympos = ${f.sympos} },`]
      : [],
  );
  return [`static struct klp_func klp_funcs_${index}[] = {`, ...rows, '\t{ }', '};'].join('\n');
}

function objectTable(objects: readonly string[], callbacks: readonly ObjectCallbacks[]): string {
  const rows = objects.flatMap((objname, i) => [
    '\t{',
    `\t\t.name = ${objname === 'vmlinux' ? 'NULL' : cString(objname)},`,
    `\t\t.funcs = klp_funcs_${i},`,
    ...callbackFields(callbacks.find((c) => c.objname === objname)),
    '\t},',
  ]);
  return ['static struct klp_object klp_objects[] = {', ...rows, '\t{ }', '};'].join('\n');
}

const callbackKinds = [
  ['prePatch', 'pre_patch', 'int'],
  ['postPatch', 'post_patch', 'void'],
  ['preUnpatch', 'pre_unpatch', 'void'],
  ['postUnpatch', 'post_unpatch', 'void'],
] as const;

function callbackDeclarations(callbacks: ObjectCallbacks): string[] {
  return callbackKinds.flatMap(([key, , type]) => {
    const name = callbacks[key];
    return name === undefined ? [] : [`extern ${type} ${name}(struct klp_object *);`];
  });
}

function callbackFields(callbacks: ObjectCallbacks | undefined): string[] {
  return callbackKinds.flatMap(([key, field]) => {
    const name = callbacks?.[key];
    return name === undefined ? [] : [`\t\t.callbacks.${field} = ${name},`];
  });
}

/** A C string literal; anything outside plain ASCII as octal escapes. */
function cString(text: string): string {
  const bytes = [...Buffer.from(text, 'utf8')];
  const body = bytes.map((b) =>
    b === 0x22 || b === 0x5c || b < 0x20 || b > 0x7e || b === 0x3f
      ? `\\${b.toString(8).padStart(3, '0')}`
      : String.fromCharCode(b),
  );
  return `"${body.join('')}"`;
}
