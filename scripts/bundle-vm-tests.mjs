/** bundle-vm-tests FILE...: dist/vm/tests.mjs, test files in one, with small-vitest in the place of vitest (scripts/in-vm). */
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const top = fileURLToPath(new URL('..', import.meta.url));
const files = process.argv.slice(2);
const members = files.map((file) => `${JSON.stringify(file)}: () => import(${JSON.stringify(`./${file}`)})`);

mkdirSync(`${top}dist/vm`, { recursive: true });
await build({
  stdin: {
    contents: `import { runFiles } from 'vitest';\nawait runFiles({ ${members.join(', ')} });`,
    resolveDir: top,
    loader: 'ts',
  },
  // Two folders below the top, as the helpers are that look for files beside them.
  outfile: `${top}dist/vm/tests.mjs`,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'bundle',
  external: ['node-pty'],
  alias: { vitest: `${top}test/helpers/small-vitest.ts` },
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  logLevel: 'warning',
});
