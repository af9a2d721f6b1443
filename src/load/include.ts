/** `include`: other models, each with a folder and an environment of its own, laid under the file that includes them. */
import { posix } from 'node:path';
import { inheritEnvironment, setDefaults } from './defaults.ts';
import type { ModelContext } from './documents.ts';
import { addEnvFiles, type ProjectEnvironment, valueIn } from './environment.ts';
import type { Findings } from './findings.ts';
import { MAX_INCLUDES } from './limits.ts';
import { mergeProjects } from './merge.ts';
import { absolute, relativePath, resolveProjectPaths } from './paths.ts';
import { askedBy, localPaths } from './remote.ts';
import { TooMuch } from './too-much.ts';
import { child, childList, childText, type MapNode, type Mark, map, type SpecNode } from './tree.ts';

const SECTIONS = new Set(['services', 'volumes', 'networks', 'secrets', 'configs', 'models']);

/** The included models merged into one, the earlier on top; undefined where nothing is included. */
export async function applyIncludes(
  document: MapNode,
  file: string,
  context: ModelContext,
): Promise<MapNode | undefined> {
  const items = childList(document, 'include')?.items;
  document.entries.delete('include');
  const models: MapNode[] = [];
  for (const item of items ?? []) {
    const made = await include(item, file, context);
    if (made === undefined) {
      document.damaged = true;
      continue;
    }
    for (const key of made.entries.keys()) if (!SECTIONS.has(key)) made.entries.delete(key);
    models.push(made);
  }
  return models.length === 0 ? undefined : together(models, context.findings);
}

/** By halves: one after the other, a thousand would be gone through a thousand times. */
function together(models: readonly MapNode[], findings: Findings): MapNode {
  if (models.length === 1) return models[0]!;
  const middle = models.length >> 1;
  const [first, rest] = [together(models.slice(0, middle), findings), together(models.slice(middle), findings)];
  return mergeProjects(rest, first, findings) as MapNode;
}

async function include(item: SpecNode, file: string, context: ModelContext): Promise<MapNode | undefined> {
  const written = texts(item.kind === 'map' ? child(item, 'path') : item);
  const paths = await localPaths(written, item.mark, context, (path) => absolute(path, context.baseDir));
  const first = paths?.[0];
  if (paths === undefined || first === undefined) return undefined;
  const chain = [...context.chain, file];
  const repeated = paths.find((path) => chain.includes(path));
  if (repeated !== undefined) {
    const loop = [...chain.slice(chain.indexOf(repeated)), repeated];
    context.findings.error(
      'include-cycle',
      `files include each other: ${loop.map((path) => posix.relative(context.baseDir, path) || path).join(' → ')}`,
      item.mark,
      {
        help: 'remove one of the includes',
      },
    );
    return undefined;
  }
  if (context.included.length >= MAX_INCLUDES) {
    const help = 'include fewer files, and none of them over and over';
    throw new TooMuch(`the project has more than ${MAX_INCLUDES} includes`, { at: item.mark, help });
  }
  const ownDir = childText(item, 'project_directory');
  const baseDir = ownDir === undefined ? posix.dirname(first) : absolute(ownDir, context.baseDir);
  const environment = includedEnvironment(item, baseDir, first, context);
  context.included.push({ file: first, environment });
  const inner: ModelContext = {
    ...context,
    baseDir,
    chain,
    from: item.mark,
    bases: new Map(),
    lookup: (name) => context.lookup(name) ?? valueIn(name, environment),
  };
  const before = context.findings.errors;
  const model = await context.loadModel(paths, inner);
  if (model === undefined) {
    if (context.findings.errors > before) return undefined;
    context.findings.warn('bad-include', `${first} holds no project, so including it changes nothing`, item.mark, {
      help: 'give it at least one service, network or volume',
    });
    return map(item.mark);
  }
  setDefaults(model, context.options.resolvePaths ? baseDir : undefined);
  if (!context.options.resolvePaths) resolveProjectPaths(model, posix.relative(context.baseDir, baseDir), relativePath);
  if (context.options.interpolate) inheritEnvironment(model, inner.lookup);
  return model;
}

function includedEnvironment(item: SpecNode, baseDir: string, file: string, context: ModelContext): ProjectEnvironment {
  const environment: ProjectEnvironment = {
    values: new Map(),
    origins: new Map(),
    files: [],
    used: new Set(),
  };
  const asked = new Map<string, Mark>();
  const written = child(item, 'env_file');
  for (const node of written?.kind === 'list' ? written.items : written === undefined ? [] : [written])
    if (node.kind === 'scalar' && node.value !== null)
      asked.set(absolute(String(node.value), context.baseDir), node.mark);
  const named = [...asked.keys()];
  const own = posix.join(baseDir, '.env');
  const paths = named.length > 0 ? named.filter((path) => path !== '/dev/null') : context.disk.isFile(own) ? [own] : [];
  // Its own .env may be a link: the file beside it is held to what came along with it.
  const disk = askedBy(context.disk, named.length > 0 ? item.mark.source : { file });
  addEnvFiles(environment, paths, disk, context.findings, { outer: context.lookup, asked });
  return environment;
}

function texts(node: SpecNode | undefined): string[] {
  const items = node?.kind === 'list' ? node.items : node === undefined ? [] : [node];
  return items.flatMap((item) => (item.kind === 'scalar' && item.value !== null ? [String(item.value)] : []));
}
