/** Files to one merged tree in long form: each document is interpolated, checked, completed by include and extends, and laid over the last. */
import { judge } from '../validate/judge.ts';
import { canonicalProject } from './canonical.ts';
import { type ModelContext, readDocuments } from './documents.ts';
import { applyExtends } from './extends.ts';
import type { Findings } from './findings.ts';
import { applyIncludes } from './include.ts';
import { interpolateTree } from './interpolate-tree.ts';
import { mergeProjects, settle } from './merge.ts';
import { adoptOldNamesIn } from './old-names.ts';
import { resolveProjectPaths } from './paths.ts';
import { child, clone, isNull, type MapNode, record, type SourceText, type SpecNode } from './tree.ts';

export async function loadModel(files: readonly string[], context: ModelContext): Promise<MapNode | undefined> {
  const read: { readonly file: string; readonly document: SpecNode }[] = [];
  const before = context.findings.errors;
  for (const file of files) {
    for (const document of (await readDocuments(file, context, context.from)) ?? [])
      if (!isNothing(document)) read.push({ file, document });
  }
  // An override may be empty, and whoever includes what is empty is told there.
  const isSilent = read.length > 0 || context.chain.length > 0 || context.findings.errors > before;
  if (!isSilent) reportEmpty(files[0]!, context.findings);
  // The last name wins, and COMPOSE_PROJECT_NAME has it from the first file on.
  for (const { document } of read) noteName(document, context);
  let model: MapNode | undefined;
  for (const { file, document } of read) {
    const made = await completeDocument(document, file, model, context);
    if (made === undefined) continue;
    const merged = model === undefined ? settle(made) : mergeProjects(model, made, context.findings);
    if (merged.kind === 'map') model = merged;
  }
  return model;
}

/** `---`, `null` and `{}` say as little as an empty file. */
function isNothing(document: SpecNode): boolean {
  return isNull(document) || (document.kind === 'map' && document.entries.size === 0 && !document.damaged);
}

function reportEmpty(file: string, findings: Findings): void {
  const source: SourceText = { file, text: '' };
  findings.error(
    'empty-file',
    'the file is empty',
    { source, start: 0, end: 0 },
    { help: 'write at least:\n    services:\n      web:\n        image: nginx' },
  );
}

/** From what is written to a tree that can be laid over another: long forms, absolute paths, nothing left to look up. */
async function completeDocument(
  document: SpecNode,
  file: string,
  model: MapNode | undefined,
  context: ModelContext,
): Promise<MapNode | undefined> {
  const { findings, options } = context;
  if (options.interpolate) interpolateTree(document, context.lookup, findings, context.watch);
  if (document.kind !== 'map') {
    findings.error('wrong-type', 'a Compose file must be a mapping', document.mark, {
      help: 'write at least:\n    services:\n      web:\n        image: nginx',
    });
    return undefined;
  }
  adoptOldNamesIn(document, findings);
  judge(document, 'project', [], { findings, lenient: !options.interpolate, open: context.open });
  warnVersion(document, findings);
  const included = await applyIncludes(document, file, context);
  canonicalProject(document, { findings, lenient: !options.interpolate });
  if (options.resolvePaths) resolveProjectPaths(document, context.baseDir);
  const complete = included === undefined ? document : (mergeProjects(included, document, findings) as MapNode);
  await applyExtends(complete, file, model, context);
  return complete;
}

function noteName(document: SpecNode, context: ModelContext): void {
  const name = child(document, 'name');
  if (name?.kind !== 'scalar' || name.value === null || context.chain.length > 0) return;
  const copy = record(document.mark, { name: clone(name) });
  if (context.options.interpolate) interpolateTree(copy, context.lookup, context.findings, context.watch);
  context.hint.document = copy;
}

function warnVersion(document: MapNode, findings: Findings): void {
  const version = document.entries.get('version');
  if (version === undefined) return;
  findings.warn('deprecated', 'the key "version" has no effect any more', version.key, { help: 'remove it' });
  document.entries.delete('version');
}
