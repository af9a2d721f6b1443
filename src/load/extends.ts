/** `extends`: a service starts from another one, of the same file or of another, which may extend in turn. */
import { posix } from 'node:path';
import { isAddress } from '../model/remote.ts';
import { nearestOf } from '../validate/did-you-mean.ts';
import { judge } from '../validate/judge.ts';
import { canonicalService } from './canonical.ts';
import { dirOf, type ModelContext, sharedDocuments } from './documents.ts';
import { interpolateTree } from './interpolate-tree.ts';
import { MAX_CHAIN, MAX_EXTENDED } from './limits.ts';
import { mergeServices } from './merge.ts';
import { adoptOldNames } from './old-names.ts';
import { absolute, relativePath, resolveServicePaths } from './paths.ts';
import { fetchFile } from './remote.ts';
import { TooMuch } from './too-much.ts';
import { child, childMap, childText, clone, countNodes, type MapNode, type Mark, type SpecNode } from './tree.ts';

/** Where services of one file are looked up, in long form. */
export interface Services {
  readonly file: string;
  readonly dir: string;
  find(name: string): SpecNode | undefined;
  names(): Iterable<string>;
}

interface Step {
  readonly file: string;
  readonly service: string;
  readonly mark: Mark;
}

export async function applyExtends(
  document: MapNode,
  file: string,
  model: MapNode | undefined,
  context: ModelContext,
): Promise<void> {
  const services = childMap(document, 'services');
  if (services === undefined) return;
  // Those of earlier files may be extended too.
  const earlier = childMap(model, 'services');
  const here: Services = {
    file,
    dir: context.baseDir,
    find: (name) => services.entries.get(name)?.value ?? earlier?.entries.get(name)?.value,
    names: () => [...services.entries.keys(), ...(earlier?.entries.keys() ?? [])],
  };
  for (const [name, entry] of services.entries) {
    if (child(entry.value, 'extends') === undefined) continue;
    entry.value =
      (await extended(entry.value, { file, service: name, mark: entry.key }, here, [], context)) ?? entry.value;
  }
}

/** The service with all that it extends underneath it, and no `extends` left. */
async function extended(
  service: SpecNode,
  step: Step,
  home: Services,
  chain: readonly Step[],
  context: ModelContext,
): Promise<SpecNode | undefined> {
  const wish = child(service, 'extends');
  if (wish === undefined || service.kind !== 'map') return service;
  const cycle = chain.find((earlier) => earlier.file === step.file && earlier.service === step.service);
  if (cycle !== undefined) {
    reportCycle([...chain, step], context);
    return markDamaged(withoutWish(service));
  }
  if (chain.length > MAX_CHAIN)
    throw new TooMuch(`more than ${MAX_CHAIN} services extend each other in a row`, {
      code: 'too-deep',
      at: wish.mark,
    });
  const name = wish.kind === 'scalar' ? String(wish.value) : childText(wish, 'service');
  const file = childText(wish, 'file');
  if (name === undefined) {
    if (!wish.damaged)
      context.findings.error('missing-key', `service ${step.service}: extends needs "service"`, wish.mark, {
        help: 'name the service to extend',
      });
    return markDamaged(withoutWish(service));
  }
  const from = file === undefined ? home : await servicesFrom(file, home, wish.mark, context);
  const base = from?.find(name);
  if (from === undefined || base === undefined) {
    if (from !== undefined) reportMissing(name, step.service, from, wish, context);
    return markDamaged(withoutWish(service));
  }
  count(base, wish.mark);
  // An unfinished one in the same document is completed on a copy; its own turn comes later.
  const next: Step = { file: from.file, service: name, mark: wish.mark };
  const complete = await extended(clone(base), next, from, [...chain, step], context);
  // Only now: what is still being completed must be seen to extend, or a cycle would end here unnoticed.
  withoutWish(service);
  return complete === undefined ? service : mergeServices(complete, service, context.findings);
}

async function servicesFrom(
  file: string,
  home: Services,
  at: Mark,
  context: ModelContext,
): Promise<Services | undefined> {
  const path = isAddress(file) ? await fetchFile(file, at, context) : absolute(file, home.dir);
  if (path === undefined) return undefined;
  // What a fetched file may not read, it may not have from somebody else's reading either.
  const key = at.source.name === undefined ? path : `${at.source.file} ${path}`;
  let services = context.bases.get(key);
  if (services === undefined) {
    services = servicesOf(path, at, context);
    context.bases.set(key, services);
  }
  return services;
}

/** A big service may be extended over and over. */
function count(base: SpecNode, at: Mark): void {
  const { source } = at;
  source.extended = (source.extended ?? 0) + countNodes(base);
  if (source.extended <= MAX_EXTENDED) return;
  const help = 'extend smaller services, or fewer times';
  throw new TooMuch(`the services of the file take over more than ${MAX_EXTENDED} values`, { at, help });
}

function withoutWish(service: MapNode): MapNode {
  service.entries.delete('extends');
  return service;
}

function markDamaged(service: MapNode): MapNode {
  service.damaged = true;
  return service;
}

function reportMissing(name: string, by: string, from: Services, wish: SpecNode, context: ModelContext): void {
  const close = nearestOf(name, from.names());
  const at = child(wish, 'service')?.mark ?? wish.mark;
  context.findings.error('extends-not-found', `service ${by} extends "${name}", which ${from.file} does not have`, at, {
    help:
      close === undefined
        ? `services there: ${[...from.names()].slice(0, 10).join(', ') || 'none'}`
        : `did you mean "${close}"?`,
  });
}

function reportCycle(steps: readonly Step[], context: ModelContext): void {
  const last = steps.at(-1)!;
  const start = steps.findIndex((step) => step.file === last.file && step.service === last.service);
  const loop = steps.slice(start);
  context.findings.error(
    'extends-cycle',
    `services extend each other: ${loop.map((step) => step.service).join(' → ')}`,
    last.mark,
    {
      help: 'remove one of the extends',
      related: loop
        .slice(1)
        .map((step, index) => ({ at: step.mark, label: `${loop[index]!.service} extends ${step.service}` })),
    },
  );
}

/** Services of another file: interpolated with the same environment, paths relative to that file; only those used are checked. */
async function servicesOf(file: string, at: Mark, context: ModelContext): Promise<Services | undefined> {
  const documents = await sharedDocuments(file, context, at);
  if (documents === undefined) return undefined;
  const sections = documents.map((document) => childMap(document, 'services')).filter((found) => found !== undefined);
  const dir = dirOf(file, context);
  const made = new Map<string, SpecNode | undefined>();
  const find = (name: string): SpecNode | undefined => {
    if (!made.has(name)) made.set(name, merged(name));
    return made.get(name);
  };
  const merged = (name: string): SpecNode | undefined => {
    const parts = sections.flatMap((section) => complete(name, child(section, name)) ?? []);
    // Several documents of one file are one model.
    return parts.length < 2 ? parts[0] : parts.reduce((base, over) => mergeServices(base, over, context.findings));
  };
  const complete = (name: string, written: SpecNode | undefined): SpecNode | undefined => {
    if (written === undefined) return undefined;
    const { findings, options } = context;
    const node = clone(written);
    if (options.interpolate) interpolateTree(node, context.lookup, findings, context.watch);
    adoptOldNames(node, findings);
    const judging = { findings, lenient: !options.interpolate, open: [] };
    if (!judge(node, 'service', ['services', name], judging)) return undefined;
    const made = canonicalService(node, name, { findings, lenient: !options.interpolate });
    if (options.resolvePaths) resolveServicePaths(made, dir);
    else resolveServicePaths(made, posix.relative(context.baseDir, dir), relativePath);
    return made;
  };
  // Paths of what it holds are absolute by now, or relative to where the project starts.
  return { file, dir: context.baseDir, find, names: () => sections.flatMap((section) => [...section.entries.keys()]) };
}
