import { expect, it } from 'vitest';
import { notCompiled } from '../../../../src/engine/klp/callbacks.js';
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
