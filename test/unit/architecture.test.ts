/** The rules of the house that a compiler does not know: who may import whom, who may touch the machine, how long a file is. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';

/** Folder → folders and packages that its files may import beside its own. The longest matching folder counts. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/main.ts': ['src', 'engine'],
  'src/model': [],
  'src/load': ['src/model', 'src/validate', 'yaml'],
  'src/validate': ['src/model', 'src/load', 'ajv', 'schema'],
  'src/plan': ['src/model'],
  'src/reconcile': ['src/model', 'src/plan'],
  'src/remote': ['src/model'],
  'src/operations': ['src/model', 'src/load', 'src/validate', 'src/plan', 'src/reconcile', 'yaml'],
  'src/cli': ['src/model', 'src/operations'],
  'src/cli/ui': ['src/model', 'src/cli', 'src/operations', 'listr2'],
  engine: ['src/model'],
  'engine/container': ['src/model', 'engine', 'node-pty', 'yaml'],
};

/** Node's modules that touch files, processes or the network. (`net` also has isIP, which only looks at text.) */
const TOUCHES_MACHINE =
  /^node:(fs|child_process|net|http|https|dgram|dns|tls|cluster|worker_threads|readline|tty)(\/|$)/;
/** Folders that touch nothing, and the files in them that may. */
const NO_MACHINE: Readonly<Record<string, readonly string[]>> = {
  'src/model': [],
  'src/load': ['disk.ts'],
  'src/validate': ['schema.ts'],
  'src/plan': [],
  'src/reconcile': [],
};

interface Source {
  readonly path: string;
  readonly text: string;
  /** Specifiers as written; `type` when nothing of it is left at run time. */
  readonly imports: readonly { readonly specifier: string; readonly type: boolean; readonly names?: string }[];
}

const sources = ['src', 'engine', 'test'].flatMap(readSources);
const product = sources.filter(({ path }) => !path.startsWith('test/'));

function readSources(folder: string): Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(path, 'utf8');
      const imports = [...text.matchAll(/^\s*(?:import|export)\s+(type\s+)?(?:([^'";]*?)\sfrom\s+)?'([^']+)'/gm)];
      const lazy = [...text.matchAll(/\bimport\('([^']+)'\)/g)];
      return {
        path,
        text,
        imports: [
          ...imports.map((match) => ({ specifier: match[3]!, type: match[1] !== undefined, names: match[2] ?? '' })),
          ...lazy.map((match) => ({ specifier: match[1]!, type: false })),
        ],
      };
    });
}

/** `src/model/plan.ts` for a relative import, the package's name for another, nothing for Node's own. */
function target(source: Source, specifier: string): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  if (specifier.startsWith('.')) return normalize(join(dirname(source.path), specifier));
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

const isIn = (folder: string, path: string) => path === folder || path.startsWith(`${folder}/`);
const longestFolder = (table: Readonly<Record<string, unknown>>, path: string) =>
  Object.keys(table)
    .filter((folder) => isIn(folder, path))
    .sort((a, b) => b.length - a.length)[0];

describe('the house', () => {
  test('a file imports only what its folder may', () => {
    const found = product.flatMap((source) => {
      const folder = longestFolder(MAY_IMPORT, source.path);
      if (folder === undefined) return [`${source.path} is in no folder of the house`];
      const allowed = [folder, ...MAY_IMPORT[folder]!];
      return source.imports
        .map(({ specifier }) => target(source, specifier))
        .filter((wanted) => wanted !== undefined && !allowed.some((place) => isIn(place, wanted)))
        .map((wanted) => `${source.path} imports ${wanted}`);
    });
    expect(found).toEqual([]);
  });

  test('only main.ts knows both the declaring and the doing half', () => {
    const found = product
      .filter(({ path }) => path !== 'src/main.ts' && isIn('src', path))
      .filter((source) => source.imports.some(({ specifier }) => isIn('engine', target(source, specifier) ?? '')))
      .map(({ path }) => path);
    expect(found).toEqual([]);
  });

  test('what computes does not touch the machine', () => {
    const found = product.flatMap((source) => {
      const folder = longestFolder(NO_MACHINE, source.path);
      if (folder === undefined || NO_MACHINE[folder]!.some((name) => source.path === join(folder, name))) return [];
      return source.imports
        .filter(
          ({ specifier, type, names }) =>
            !type && TOUCHES_MACHINE.test(specifier) && !/^\{ isIP(v[46])? \}$/.test(names ?? ''),
        )
        .map(({ specifier }) => `${source.path} imports ${specifier}`);
    });
    expect(found).toEqual([]);
  });

  test('nobody imports in a circle', () => {
    const graph = new Map(
      product.map((source) => [
        source.path,
        source.imports.filter(({ type }) => !type).flatMap(({ specifier }) => target(source, specifier) ?? []),
      ]),
    );
    expect(findCircles(graph)).toEqual([]);
  });

  test('relative imports say .ts, imports from Node say node:', () => {
    const builtin = /^(fs|path|os|child_process|net|http|stream|crypto|util|url|events|readline|tty|zlib)(\/|$)/;
    const found = sources.flatMap((source) =>
      source.imports
        .filter(({ specifier }) =>
          specifier.startsWith('.') ? !/\.(ts|json|mjs)$/.test(specifier) : builtin.test(specifier),
        )
        .map(({ specifier }) => `${source.path} imports ${specifier}`),
    );
    expect(found).toEqual([]);
  });

  test('files are at most 300 lines and say their purpose first', () => {
    const long = sources
      .filter(({ text }) => text.trimEnd().split('\n').length > 300)
      .map(({ path }) => `${path} is too long`);
    const silent = product
      .filter(({ text }) => !/^(#!.*\n)?\/[/*]/.test(text))
      .map(({ path }) => `${path} does not begin with a comment`);
    expect([...long, ...silent]).toEqual([]);
  });

  test('there are no default exports, enums, and names that say nothing', () => {
    const found = product.flatMap(({ path, text }) => [
      ...(/^export default\b/m.test(text) ? [`${path} has a default export`] : []),
      ...(/^(export )?(const )?enum\b/m.test(text) ? [`${path} has an enum`] : []),
      ...(/\/(utils?|helpers?|common|misc|manager|base|core)(\/|\.ts$)/.test(path)
        ? [`${path} says nothing by its name`]
        : []),
    ]);
    expect(found).toEqual([]);
  });
});

function findCircles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, above: readonly string[]) => {
    if (above.includes(path)) circles.push([...above.slice(above.indexOf(path)), path].join(' → '));
    if (done.has(path) || above.includes(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...above, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return circles;
}
