import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { controllerContext } from '../../src/controller/context.js';
import { withEngine } from '../../src/controller/docker/connect.js';
import { ensureImage } from '../../src/controller/images.js';
import { exitCodeOfResult } from '../../src/shared/outcome.js';
import type { ResultDocument } from '../../src/shared/result.js';
import { generateAll, type Made } from '../qemu/behaviour/generate.js';
import type { Edit } from '../qemu/behaviour/types.js';
import { nameOf, pinned } from '../setup/engine.js';

/** Changes of the text that change no code, and what is said of them. */
const nothing: Record<string, { edit: Edit; says: RegExp }> = {
  'a comment, in a function that warns further down': {
    edit: {
      file: 'kernel/signal.c',
      behind: 'int send_signal_locked(int sig',
      find: '\tbool force = false;\n',
      put: '\tbool force = false;\n\t/* a\n\t * b\n\t */\n',
    },
    says: /the code is the same of send_signal_locked$/,
  },
  'white space': {
    edit: {
      file: 'fs/namei.c',
      find: 'if (!sysctl_protected_hardlinks)\n\t\treturn 0;',
      put: 'if ( ! sysctl_protected_hardlinks )\n\n\t\treturn   0;',
    },
    says: /the code is the same of may_linkat$/,
  },
  'lines of a function that this configuration leaves out': {
    edit: {
      file: 'mm/memory.c',
      behind: '#ifdef CONFIG_KSM\n\tif (folio && folio_test_ksm(folio))\n',
      find: 'count_vm_event(COW_KSM);',
      put: 'count_vm_event(COW_KSM + 1);',
    },
    says: /the code is the same of do_wp_page$/,
  },
  'a function that this configuration leaves out': {
    edit: {
      file: 'mm/memory.c',
      behind: 'static inline int non_swapcache_batch(swp_entry_t entry, int max_nr)\n{',
      find: '\tint i;\n',
      put: '\tint i = 3;\n',
    },
    says: /this configuration does not build non_swapcache_batch$/,
  },
  'a static function and a macro that nothing uses': {
    edit: {
      file: 'fs/namei.c',
      find: 'static inline int may_follow_link(',
      put: '#define KLP_UNUSED 7\n\nstatic inline int klp_unused(int a)\n{\n\treturn a + KLP_UNUSED;\n}\n\nstatic inline int may_follow_link(',
    },
    says: /no code of the kernel is made of klp_unused$/,
  },
  'another order of declarations': {
    edit: {
      file: 'fs/namei.c',
      find: 'static int sysctl_protected_symlinks __read_mostly = 1;\nstatic int sysctl_protected_hardlinks __read_mostly = 1;\n',
      put: 'static int sysctl_protected_hardlinks __read_mostly = 1;\nstatic int sysctl_protected_symlinks __read_mostly = 1;\n',
    },
    says: /makes no difference in fs\/namei\.o/,
  },
  'the line of a debug message': {
    edit: {
      file: 'kernel/module/main.c',
      find: '\tpr_debug("Failed to find symbol',
      put: '\n\n\tpr_debug("Failed to find symbol',
    },
    says: /the code is the same of find_symbol$/,
  },
};

/** A line in a large file, and all functions of the livepatch with the reason. */
const slim: Record<string, { edit: Edit; functions: string[] }> = {
  'mm/memory.c': {
    edit: {
      file: 'mm/memory.c',
      behind: 'static inline void mm_account_fault(',
      find: '\tbool major;\n',
      put: '\tbool major;\n\n\tbarrier();\n',
    },
    functions: ['handle_mm_fault inlines mm_account_fault'],
  },
  'kernel/workqueue.c': {
    edit: {
      file: 'kernel/workqueue.c',
      behind: 'static bool pwq_activate_first_inactive(',
      find: '\tif (work && ',
      put: '\tif (work && jiffies != 77 && ',
    },
    functions: [
      'pwq_dec_nr_in_flight inlines pwq_activate_first_inactive',
      'pwq_release_workfn inlines pwq_activate_first_inactive',
      'wq_adjust_max_active inlines pwq_activate_first_inactive',
    ],
  },
  'fs/namei.c': {
    edit: {
      file: 'fs/namei.c',
      find: 'if (!sysctl_protected_hardlinks)\n',
      put: 'if (!sysctl_protected_hardlinks || jiffies == 77)\n',
    },
    functions: ['may_linkat changed'],
  },
};

let dir: string;
let made: Made;
const nameFor = (title: string): string => title.replace(/\W+/g, '-');

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'klp-slimness-'));
  const context = controllerContext({ progress: () => undefined, timings: {} });
  const cases = Object.entries({ ...nothing, ...slim }).map(([title, { edit }]) => ({
    name: nameFor(title),
    edits: [edit],
  }));
  made = await withEngine(context, async (docker) =>
    generateAll(docker, await ensureImage(docker, pinned, context), cases, dir, context),
  );
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function documentOf(title: string): ResultDocument {
  const result = made.results.get(nameFor(title));
  if (!result) throw new Error(`no result of ${title}`);
  return result.document;
}

describe(`on Linux ${nameOf(pinned)}`, () => {
  it.each(Object.entries(nothing))('%s: nothing to patch, and why', (title, { says }) => {
    const document = documentOf(title);
    expect(document.status).toBe('nothing-to-patch');
    expect(exitCodeOfResult(document)).toBe(4);
    expect(document.findings.map((f) => [f.code, f.severity])).toEqual([
      ['no-effect', 'note'],
      ['no-effect', 'error'],
    ]);
    expect(document.findings[0]?.message).toMatch(says);
    expect(document.graph).toMatchObject({ nodes: [], edges: [] });
  });

  it.each(Object.entries(slim))(
    'a line of %s: what it changes, and what inlines that',
    (title, { functions }) => {
      const { graph, functions: found } = documentOf(title);
      expect(found.map((f) => [f.name, f.why, ...f.because].join(' ')).sort()).toEqual(functions);
      expect(graph?.figures).toEqual({ touched: 1, included: functions.length });
    },
  );

  it.each(Object.keys(slim))('the graph of a line of %s explains all that is in the module', (title) => {
    const { graph } = documentOf(title);
    const ends = new Set(graph?.touched.map(({ id }) => id));
    const leads = (id: string, seen: ReadonlySet<string>): boolean =>
      ends.has(id) ||
      (graph?.edges ?? []).some(
        ({ from, to }) => from === id && !seen.has(to) && leads(to, new Set([...seen, to])),
      );
    expect(graph?.nodes.length).toBeGreaterThan(0);
    for (const { id } of graph?.nodes ?? []) expect(leads(id, new Set([id])), id).toBe(true);
  });
});
