import { describe, expect, it } from 'vitest';
import { hooksIn } from '../../../../src/engine/klp/callback-hooks.js';

const define = (name: string): string => `static int ${name} (struct klp_object *obj)\n{\n\treturn 0;\n}\n`;

describe('the callbacks of a file', () => {
  it('are called for every object that has none of its own', () => {
    const code = ['pre_patch_callback_ext4', 'pre_patch_callback', 'post_unpatch_callback']
      .map(define)
      .join('');
    const { hooks, callbacks } = hooksIn(code, ['vmlinux', 'ext4'], 'cb.c');
    expect(callbacks).toEqual([
      {
        objname: 'vmlinux',
        prePatch: 'klp_call_pre_patch_callback',
        postUnpatch: 'klp_call_post_unpatch_callback',
      },
      {
        objname: 'ext4',
        prePatch: 'klp_call_pre_patch_callback_ext4',
        postUnpatch: 'klp_call_post_unpatch_callback',
      },
    ]);
    expect(hooks.map(({ name, type }) => `${type} ${name}`)).toEqual([
      'int pre_patch_callback',
      'int pre_patch_callback_ext4',
      'void post_unpatch_callback',
    ]);
  });

  it('may be there for one object alone', () => {
    const { callbacks } = hooksIn(define('pre_patch_callback_ext4'), ['vmlinux', 'ext4'], 'cb.c');
    expect(callbacks).toEqual([
      { objname: 'vmlinux' },
      { objname: 'ext4', prePatch: 'klp_call_pre_patch_callback_ext4' },
    ]);
  });

  it('are refused where there is none, or none that would be called', () => {
    const unusable = (message: RegExp): unknown =>
      expect.objectContaining({
        code: 'callbacks-unusable',
        message: expect.stringMatching(message) as string,
      });
    expect(() => hooksIn(define('prepare'), ['vmlinux'], 'cb.c')).toThrow(unusable(/no callback/));
    expect(() => hooksIn(define('pre_patch_callback_jbd2'), ['ext4'], 'cb.c')).toThrow(
      unusable(/of jbd2 .* patches ext4/),
    );
  });
});
