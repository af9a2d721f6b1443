/** COPY and ADD: from the words of an instruction to what is copied, hashed, ready to be written when the cache has no layer for it. */
import { createHash } from 'node:crypto';
import { TcomposeError } from '../../../src/model/errors.ts';
import { isArchive } from './archive.ts';
import { parseChmod } from './chmod.ts';
import { contentsOf } from './contents.ts';
import type { CopyJob, CopyRequest, CopyServices, GatherFn } from './contract.ts';
import { digestOf } from './digest.ts';
import { type Origin, openOrigin, originOf } from './origin.ts';
import { type PutItem, putItems } from './put.ts';
import { fetchRemote, isRemote } from './remote.ts';
import { select } from './select.ts';
import { rawOf } from './tree.ts';

interface Item {
  readonly put: PutItem;
  readonly content: { readonly name: string; readonly digest: string };
}

export const gather: GatherFn = async (services, request) => {
  const { body, target } = request;
  checkFlags(request);
  const chmod = body.flags['chmod'];
  const change = chmod === undefined ? undefined : parseChmod(chmod);
  const perSource = await Promise.all(body.sources.map((word) => itemsOf(services, request, word)));
  const items = [...perSource.flat(), ...body.documents.map(({ name, text }) => document(name, text))];
  const job: CopyJob = {
    step: {
      target,
      contents: items.map(({ content }) => content),
      ...(chmod !== undefined && { mode: chmod }),
      parents: body.flags['parents'] === 'true',
      unpack: items.some(({ put }) => put.kind === 'archive'),
    },
    put: (root, owner) =>
      putItems(services, {
        reach: root.reach,
        target,
        items: items.map(({ put }) => put),
        ...(owner && { owner }),
        ...(change && { chmod: change }),
        folderMode: folderMode(chmod),
      }),
  };
  return job;
};

/** As BuildKit: an octal mode is also that of folders on the way, as far as nobody else may write there; any other mode is not. */
const folderMode = (chmod = '755'): number => (/^[0-7]+$/.test(chmod) ? Number.parseInt(chmod, 8) & 0o755 : 0o755);

/** What only the meeting of several words and flags makes wrong. */
function checkFlags({ body, target }: CopyRequest): void {
  const { kind, sources, documents, flags } = body;
  const fail = (why: string, help: string): never => {
    throw new TcomposeError(why, { code: 'bad-copy', help });
  };
  if (sources.length + documents.length > 1 && !/(?:^|\/)\.?$/.test(target))
    fail(
      `when using ${kind} with more than one source file, the destination must be a directory and end with a /`,
      `write ${target}/`,
    );
  for (const word of sources)
    if (kind === 'COPY' && isRemote(word))
      fail(`COPY takes files of the context, and ${word} is elsewhere`, 'ADD fetches: write ADD in its place');
  if (flags['checksum'] === undefined) return;
  if (sources.length + documents.length !== 1) fail('--checksum is for one source', 'write an ADD for each source');
  if (!isRemote(sources[0]!))
    fail('--checksum is for sources that are fetched', 'leave it out: what is copied is hashed anyway');
}

async function itemsOf(services: CopyServices, request: CopyRequest, word: string): Promise<readonly Item[]> {
  const { body, from } = request;
  if (body.kind === 'ADD' && isRemote(word)) return remoteItems(services, request, word);
  const origin = originOf(services, from);
  const wish = { parents: body.flags['parents'] === 'true', exclude: body.exclude };
  const items = await treeItems(services, origin, word, wish);
  const unpacks = (body.flags['unpack'] ?? String(body.kind === 'ADD')) === 'true';
  return unpacks ? Promise.all(items.map((item) => asArchive(services, item))) : items;
}

async function treeItems(
  services: CopyServices,
  origin: Origin,
  word: string,
  wish: { readonly parents: boolean; readonly exclude: readonly string[] },
): Promise<readonly Item[]> {
  const selections = await select(origin.tree, word, wish);
  const contentOf = await contentsOf(services, origin, selections);
  return selections.map((selection) => ({
    put: { kind: 'tree', origin, selection, contentOf },
    content: {
      name: selection.isFolder ? '' : Buffer.from(selection.name, 'latin1').toString(),
      digest: digestOf(selection, contentOf, origin),
    },
  }));
}

async function asArchive(services: CopyServices, item: Item): Promise<Item> {
  const { put } = item;
  if (put.kind !== 'tree' || put.selection.isFolder) return item;
  const { entry } = put.selection.files[0] ?? {};
  if (entry?.type !== 'f' || !(await isArchive(services, put.origin, entry))) return item;
  return { put: { kind: 'archive', origin: put.origin, entry }, content: item.content };
}

async function remoteItems(services: CopyServices, { body }: CopyRequest, word: string): Promise<readonly Item[]> {
  const { folder, file } = await fetchRemote(services, word, body.flags);
  const origin = openOrigin(services, { kind: 'folder', path: folder, ignore: [] });
  const wish = { parents: false, exclude: body.exclude };
  if (file === undefined) return treeItems(services, origin, '/', wish);
  const items = await treeItems(services, origin, file.stored, wish);
  const renamed = items.map(({ put, content }): Item => {
    if (put.kind !== 'tree') return { put, content };
    const selection = { ...put.selection, name: rawOf(file.name) };
    return {
      put: { ...put, selection, ...(file.mtime && { mtime: file.mtime }) },
      content: { ...content, name: file.name },
    };
  });
  return body.flags['unpack'] === 'true' ? Promise.all(renamed.map((item) => asArchive(services, item))) : renamed;
}

function document(name: string, text: string): Item {
  const bytes = Buffer.from(text);
  return {
    put: { kind: 'text', name: rawOf(name), bytes },
    content: { name, digest: createHash('sha256').update('text\n').update(bytes).digest('hex') },
  };
}
