import { expect, it } from 'vitest';
import { codeIn, notCompiled } from '../../../../src/engine/klp/callbacks.js';
import { hooksIn } from '../../../../src/engine/klp/callback-hooks.js';
import { KlpError } from '../../../../src/shared/errors.js';

it("callbacks that do not compile are told of by the user's name and line, not by those of the copy", () => {
  const output = [
    'In file included from /job/tmp/x/callbacks.c:2:',
    "/job/tmp/x/callbacks_user.c:7:65: error: expected ';' after return statement",
    '1 error generated.',
  ].join('\n');
  const failed = new KlpError('module-link-failed', 'could not be compiled', { output, command: 'clang' });
  expect(notCompiled(failed, '/job/tmp/x/callbacks_user.c', 'fix.c')).toMatchObject({
    code: 'callbacks-unusable',
    message: "fix.c does not compile: expected ';' after return statement",
    detail: {
      file: 'fix.c',
      line: 7,
      output: "fix.c:7:65: error: expected ';' after return statement\n1 error generated.",
      command: 'clang',
    },
  });
});

it('callbacks are found whatever stands in texts and comments around them', () => {
  const text = [
    'static const char *all = "/sys/*", *quote = "\\"/*", mark = \'"\';',
    'static int pre_patch_callback(struct klp_object *obj) { pr_info("post_patch_callback(): //"); return 0; }',
    '/* post_patch_callback() is not needed; "',
    ' */',
    '// "',
    'static void post_unpatch_callback(struct klp_object *obj) {} /* done */',
  ].join('\n');
  const code = codeIn(text);
  expect(code.split('\n')).toHaveLength(6);
  const { hooks } = hooksIn(code, ['vmlinux'], 'cb.c');
  expect(hooks.map(({ name }) => name)).toEqual(['pre_patch_callback', 'post_unpatch_callback']);
});
