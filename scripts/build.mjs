// Builds dist/main.cjs and the pieces that it loads when they are needed. Does nothing when no input has changed.
// --pack: and removes those of the build before at once, so that they are not packed with the others.
//
// Start-up decides the shape, measured with Node 20: an ES module as the main file, or one import(), costs 5 ms; every file
// that is loaded 0.4 ms; every 40 KB of source 1 ms to parse, even where it is never called. So: CommonJS, few files, and V8's
// compiled form of each kept beside it, in dist/cache (scripts/bundle-loader.cjs). esbuild splits only ES modules, at every
// import(), which gives a hundred chunks: they are translated one by one and packed as functions into one file for the command
// line, one for the other rooms, one for what fetches from afar, and one for each large package.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readdir, rename, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const LARGE_BYTES = 40_000;
const PIECE = /(chunk|cli|rooms|afar)-[\w-]*\.cjs/;
const LOADER = 'scripts/bundle-loader.cjs';
/** What is given out as import('tcompose/engine'): the same pieces, by another door. */
const LIBRARY = 'engine/library/index.ts';

const home = join(import.meta.dirname, '..');
const dist = join(home, 'dist');
const manifestFile = join(dist, 'build.json');
const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'));

const compiledSchema = {
  name: 'compiled-schema',
  setup: (build) =>
    build.onLoad({ filter: /src\/validate\/compiled-schema\.ts$/ }, async () => {
      const { compileSchema } = await import('./compile-schema.mjs');
      const { code } = await esbuild.transform(compileSchema(), { minify: true, format: 'esm', target: 'node20' });
      return { contents: code, loader: 'js' };
    }),
};

const previous = readManifest();
const isForPack = process.argv.includes('--pack');
if (previous && isCurrent(previous)) {
  if (isForPack) await removeStale(previous.names);
  process.exit(0);
}
const esbuild = await import('esbuild');
const { declareLibrary } = await import('./declare-library.mjs');
const [{ chunks, inputs }, declarations] = await Promise.all([split(), declareLibrary()]);
const files = [...declarations, ...pack(chunks)];
for (const [name, text] of files) await put(name, text);
const names = files.map(([name]) => name);
await put('build.json', JSON.stringify({ version, inputs: facts(inputs), names }));
await removeStale([...names, ...(isForPack ? [] : (previous?.names ?? []))]);

/** The program in chunks: name, text as CommonJS, and the files each was made of. */
async function split() {
  const { outputFiles, metafile } = await esbuild
    .build({
      absWorkingDir: home,
      entryPoints: { main: 'src/main.ts', engine: LIBRARY },
      outdir: dist,
      outExtension: { '.js': '.cjs' },
      chunkNames: 'chunk-[hash]',
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      // A native module: it finds its binary beside itself.
      external: ['node-pty'],
      // The ES module builds of packages: unused parts of CommonJS ones stay in.
      mainFields: ['module', 'main'],
      define: {
        TCOMPOSE_VERSION: JSON.stringify(version),
        'import.meta.dirname': '__dirname',
        'import.meta.filename': '__filename',
      },
      plugins: [compiledSchema],
      legalComments: 'none',
      metafile: true,
      write: false,
      logLevel: 'warning',
    })
    .catch(() => process.exit(1)); // it has printed what is wrong
  const chunks = await Promise.all(
    outputFiles.map(async ({ path, text }) => ({
      name: `./${basename(path)}`,
      text: await toCommonJs(text),
      madeOf: Object.keys(metafile.outputs[`dist/${basename(path)}`].inputs),
    })),
  );
  return { chunks, inputs: Object.keys(metafile.inputs) };
}

async function toCommonJs(text) {
  // A CommonJS package that is loaded by import(): esbuild exports it as default only, Node gives its names too.
  const whole = text.replace(/^export default (require_\w+\(\));$/m, 'module.exports = $1;');
  const { code } = await esbuild.transform(whole, {
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'import_meta_url' },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
  });
  return code.includes('import_meta_url')
    ? `const import_meta_url=require("node:url").pathToFileURL(__filename).href;${code}`
    : code;
}

/** The files of dist/, main.cjs last: until it is there, the one before is whole. */
function pack(chunks) {
  const groups = new Map();
  for (const chunk of chunks) {
    const group = groupOf(chunk);
    groups.set(group, [...(groups.get(group) ?? []), chunk]);
  }
  const places = {};
  const files = [...groups].map(([group, members]) => {
    const text = `(function(require,__filename,__dirname){return ${table(members)}})`;
    // The loader reads bytes as characters; esbuild escapes in strings, but not in regular expressions.
    const stray = /.{0,40}[^\0-\x7f].{0,40}/.exec(text);
    if (stray) throw new Error(`not ASCII, write it as \\u…: ${stray[0]}`);
    const file = `${group}-${createHash('sha256').update(text).digest('hex').slice(0, 8)}.cjs`;
    for (const { name } of members) places[name] = file;
    return [file, text];
  });
  // `network`, and `network-connect` for `network connect`.
  const commands = readdirSync(join(home, 'src/cli/commands')).flatMap((file) => [
    /^\w+/.exec(file)[0],
    basename(file, '.ts'),
  ]);
  const loader = readFileSync(join(home, LOADER), 'utf8')
    .replace('{} /* places */', JSON.stringify(places))
    .replace("'' /* build */", JSON.stringify(buildOf(files.map(([name]) => name))))
    .replace('[] /* commands */', JSON.stringify([...new Set(commands)]));
  return [...files, ...library(loader), ['main.cjs', loader]];
}

/** What the packs of this build are called by (bundle-loader.cjs). */
function buildOf(names) {
  const pieces = names.filter((name) => PIECE.test(name)).sort();
  return createHash('sha256').update(pieces.join()).digest('hex').slice(0, 8);
}

/** Node finds the names of an ES module's exports by their being written down. */
function library(loader) {
  const source = readFileSync(join(home, LIBRARY), 'utf8');
  const values = [...source.matchAll(/^export \{(.*)\}/gm)].flatMap(([, list]) => list.split(','));
  const names = values.filter((one) => !/^\s*type /.test(one)).map((one) => one.trim().split(/ as /).at(-1));
  const door = `import library from './engine.cjs';\nexport const { ${names.join(', ')} } = library;\n`;
  const loads = loader
    .replace(/const command = .*;/, "const command = 'library';")
    .replace("load('./main.cjs')", "module.exports = load('./engine.cjs')");
  return [
    ['engine.cjs', loads],
    ['engine.js', door],
  ];
}

function groupOf({ name, text, madeOf }) {
  const isOf = (...folders) => madeOf.every((path) => folders.some((folder) => path.startsWith(folder)));
  if (name === './main.cjs' || isOf('src/main.ts', 'src/cli/', 'src/model/')) return 'cli';
  // For few commands, and those wait for the network anyway.
  if (isOf('engine/registry/', 'src/remote/')) return 'afar';
  return text.length < LARGE_BYTES ? 'rooms' : name.slice('./'.length, -'.cjs'.length);
}

function table(chunks) {
  return `{\n${chunks.map(({ name, text }) => `${JSON.stringify(name)}:function(module,exports,require){${text}}`).join(',\n')}}`;
}

/** To a temporary name first: a tcompose that starts now finds a whole file. */
async function put(name, text) {
  const path = join(dist, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.${process.pid}`, text);
  await rename(`${path}.${process.pid}`, path);
}

/** The files of the build before stay: a process that runs may still ask for one. */
async function removeStale(kept) {
  const compiled = (await readdir(join(dist, 'cache')).catch(() => [])).map((name) => join('cache', name));
  for (const name of [...(await readdir(dist)), ...compiled]) {
    const [piece] = PIECE.exec(name) ?? [];
    const [, build] = /pack-(\w+)\./.exec(name) ?? [];
    if ((piece && !kept.includes(piece)) || (build && build !== buildOf(kept)))
      await unlink(join(dist, name)).catch(() => {});
  }
}

function readManifest() {
  try {
    return JSON.parse(readFileSync(manifestFile, 'utf8'));
  } catch {
    return undefined;
  }
}

function isCurrent(built) {
  try {
    for (const name of built.names) statSync(join(dist, name));
    const now = facts(Object.keys(built.inputs));
    return built.version === version && Object.entries(built.inputs).every(([path, fact]) => now[path] === fact);
  } catch {
    return false;
  }
}

/** Size and time of each input, and of what makes them into files. */
function facts(paths) {
  return Object.fromEntries(
    [
      ...new Set([...paths, 'scripts/build.mjs', 'scripts/compile-schema.mjs', 'scripts/declare-library.mjs', LOADER]),
    ].map((path) => {
      const { size, mtimeMs } = statSync(join(home, path));
      return [path, `${size} ${mtimeMs}`];
    }),
  );
}
