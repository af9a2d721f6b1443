/** One project a layer (test/README.md). The root layers run one file at a time: they share one private host. */
import { defineConfig } from 'vitest/config';
import { tallyReporter } from './test/helpers/tally-reporter.ts';

const layer = (name: string, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], ...extra },
});
/** Their files keep nothing in modules: one process for all of them saves half of the time. */
const pure = { isolate: false, testTimeout: 30_000 };
const root = {
  fileParallelism: false,
  testTimeout: 120_000,
  hookTimeout: 120_000,
  globalSetup: ['test/helpers/private-host.ts'],
};

export default defineConfig({
  test: {
    reporters: ['default', tallyReporter(process.env['TCOMPOSE_TALLY'])],
    projects: [
      layer('unit', pure),
      layer('golden', pure),
      layer('kernel', root),
      layer('e2e', root),
      layer('fault', root),
    ],
  },
});
