/** bundle-vm-tests OUTPUT FILE...: test files in one, with small-vitest in the place of vitest (scripts/in-vm). */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const top = fileURLToPath(new URL('..', import.meta.url));
const [output, ...files] = process.argv.slice(2);
const members = files.map((file) => `${JSON.stringify(file)}: () => import(${JSON.stringify(`./${file}`)})`);

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

mkdirSync(dirname(output), { recursive: true });
await build({
  stdin: {
    contents: `import { prepare, runFiles } from 'vitest';
      if (process.argv[2] === '--prepare') await prepare();
      else await runFiles({ ${members.join(', ')} });`,
    resolveDir: top,
    loader: 'ts',
  },
  outfile: output,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'bundle',
  external: ['node-pty', 'esbuild'],
  alias: { vitest: `${top}test/helpers/small-vitest.ts` },
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  plugins: [ownPlace],
  logLevel: 'warning',
});
