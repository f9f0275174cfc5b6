import { defineConfig } from 'vitest/config';

/**
 * Three suites. `unit` needs nothing but Node; `integration` needs Docker and the image of the pinned kernel;
 * `qemu` boots kernels. Containers and virtual machines get the machine to themselves: those files run one by one.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          globalSetup: ['test/setup/compile.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          globalSetup: ['test/setup/compile.ts', 'test/setup/engine.ts'],
          testTimeout: 20 * 60_000,
          hookTimeout: 40 * 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'qemu',
          include: ['test/qemu/**/*.test.ts'],
          globalSetup: ['test/setup/compile.ts', 'test/setup/engine.ts'],
          testTimeout: 20 * 60_000,
          hookTimeout: 40 * 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
