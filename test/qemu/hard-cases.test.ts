import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nameOf, pinnedKernels } from '../setup/engine.js';
import { finishLivepatches, runHardCases, type HardCases } from './hard-cases.js';
import { testKernel, type TestKernel } from './kernel.js';

/** Cases of scripts/hard-cases.sh, one boot for each group. */
const groups = {
  'late relocations': {
    target_before: 'the module is there first',
    target_after: 'the module comes later; data at odd addresses is relocated too',
    reloaded: 'the module comes and goes more often than there are PLT entries',
    refused: 'the module is refused again and again, and let in at last',
    far_away: 'the module is more than 128 MiB away, comes and goes, and is refused',
  },
  tasks: {
    sleeping: 'a task sleeps in the patched function: all others change sides, and it when it is through',
    preempted_threads: 'threads that are preempted where only LR leads back never see both versions',
    slowly_traced: 'the same when they are preempted in ftrace, on the way to a version chosen already',
    traced: 'the same under function_graph and kretprobes',
  },
};

const arm64Kernels = pinnedKernels.filter(({ arch }) => arch === 'arm64');

describe.each(arm64Kernels.map((one) => ({ name: nameOf(one), ...one })))('Linux $name', (tested) => {
  let kernel: TestKernel;
  beforeAll(async () => {
    // What the livepatches want of their modules is resolved by nobody before finishLivepatches.
    kernel = await testKernel(tested, 'modules-arm64', ['KBUILD_MODPOST_WARN=1']);
    await finishLivepatches(kernel.dir);
  });
  afterAll(() => kernel.remove());

  describe.each(Object.entries(groups))('%s', (_, cases) => {
    let run: HardCases;
    beforeAll(async () => {
      run = await runHardCases(kernel.assets, kernel.dir, Object.keys(cases));
    });
    it.each(Object.entries(cases))('%s: %s', (name) => {
      expect(run.results[name], run.console.slice(-60).join('\n')).toBe('ok');
    });
    it('the kernel has nothing to complain about', () => {
      expect(run.console.filter((line) => /WARNING|BUG:|Oops|Unable to handle/.test(line))).toEqual([]);
    });
  });
});
