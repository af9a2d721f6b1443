// The types of 'tcompose/engine', as tsc writes them: the declarations of its entry, and of what those mention. Nothing else of the
// engine is shown.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { promisify } from 'node:util';

const home = join(import.meta.dirname, '..');
const ENTRY = 'engine/library/index.ts';
/** Whether the types hold is asked by `npm run check`, not by a build. */
const OPTIONS =
  '--ignoreConfig --noCheck --declaration --emitDeclarationOnly --stripInternal --allowImportingTsExtensions';
const TARGET = '--strict --exactOptionalPropertyTypes --module nodenext --target es2023 --types node --rootDir .';

/** Where package.json says that they are, in dist/. */
const FOLDER = 'types';

/** Path in dist/ and text of each file. */
export async function declareLibrary() {
  const folder = await mkdtemp(join(tmpdir(), 'tcompose-types-'));
  try {
    const tsc = join(home, 'node_modules/typescript/bin/tsc');
    const words = [ENTRY, ...OPTIONS.split(' '), ...TARGET.split(' '), '--outDir', folder];
    await promisify(execFile)(process.execPath, [tsc, ...words], { cwd: home }).catch(({ stdout, message }) => {
      throw new Error(stdout || message);
    });
    const found = new Map();
    await collect(folder, declarationOf(ENTRY), found);
    return [...found].map(([path, text]) => [join(FOLDER, path), text]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const declarationOf = (path) => path.replace(/\.ts$/, '.d.ts');

async function collect(folder, path, found) {
  if (found.has(path)) return;
  const text = await readFile(join(folder, path), 'utf8');
  found.set(path, text);
  for (const [, specifier] of text.matchAll(/from '(\.[^']*)'/g))
    await collect(folder, declarationOf(normalize(join(dirname(path), specifier))), found);
}
