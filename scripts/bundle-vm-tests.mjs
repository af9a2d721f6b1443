/**
 * bundle-vm-tests FOLDER FILE...: each test file in a bundle of its own, as vitest gives each its own modules, beside `main.mjs`, which
 * runs them with small-vitest in the place of vitest (scripts/in-vm).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const top = fileURLToPath(new URL('..', import.meta.url));
const [folder, ...files] = process.argv.slice(2);
const members = files.map((file, i) => `${JSON.stringify(file)}: () => import('./${i}.mjs')`);

/** Files that look for others beside them find what they would have found in their own place. */
const ownPlace = {
  name: 'own-place',
  setup(bundler) {
    bundler.onLoad({ filter: /\.ts$/, namespace: 'file' }, ({ path }) => {
      if (!path.startsWith(`${top}test/`)) return undefined;
      const url = JSON.stringify(pathToFileURL(path).href);
      return { contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', url), loader: 'ts' };
    });
  },
};

/** One for all: a test file registers its tests with the copy that runs them. */
const oneVitest = {
  name: 'one-vitest',
  setup(bundler) {
    bundler.onResolve({ filter: /^vitest$/ }, () => ({ path: './vitest.mjs', external: true }));
  },
};

const bundle = (input, name, plugins) =>
  build({
    ...input,
    outfile: join(folder, name),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'bundle',
    external: ['node-pty', 'esbuild'],
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
    plugins: [ownPlace, ...plugins],
    logLevel: 'warning',
  });

mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, 'main.mjs'),
  `import { prepare, runFiles } from './vitest.mjs';
if (process.argv[2] === '--prepare') await prepare();
else await runFiles({ ${members.join(', ')} });
`,
);
await bundle({ entryPoints: [`${top}test/helpers/small-vitest.ts`] }, 'vitest.mjs', []);
await Promise.all(files.map((file, i) => bundle({ entryPoints: [join(top, file)] }, `${i}.mjs`, [oneVitest])));
