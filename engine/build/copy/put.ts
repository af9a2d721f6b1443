/** Writes what a job has gathered into the root of a step: read by the launcher, placed here, made by the launcher. */
import { posix } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import { ROOT } from '../../files/container-root.ts';
import { unpackTree } from '../../files/file-program.ts';
import { type Look, look, looks } from '../../files/look.ts';
import { explainUnpacking } from '../../image/unpack-layer.ts';
import { type LaunchOp, UNPACK } from '../../launcher/ops.ts';
import { NOTHING, type Unpacker, UnpackFailure } from '../../launcher/unpack.ts';
import { unpackArchive } from './archive.ts';
import type { Chmod } from './chmod.ts';
import { attributesOf, contentHash, identityOf } from './contents.ts';
import type { CopyServices } from './contract.ts';
import { type ContentOf, firstNames } from './digest.ts';
import { modifiedAt } from './listing.ts';
import type { Origin } from './origin.ts';
import { foldersOf, type Placement, placeAll } from './place.ts';
import { readFiles } from './reader.ts';
import type { Selected, Selection } from './select.ts';
import { resolveTarget } from './target.ts';
import { below, type Entry, textOf } from './tree.ts';

type Time = { readonly seconds: number; readonly nanoseconds: number };

export type PutItem =
  | {
      readonly kind: 'tree';
      readonly origin: Origin;
      readonly selection: Selection;
      readonly contentOf: ContentOf;
      /** In place of its own. */
      readonly mtime?: Time;
    }
  | { readonly kind: 'text'; readonly name: string; readonly bytes: Buffer }
  | { readonly kind: 'archive'; readonly origin: Origin; readonly entry: Entry };

export interface PutRequest {
  readonly reach: readonly LaunchOp[];
  readonly target: string;
  readonly items: readonly PutItem[];
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly chmod?: Chmod;
  /** Of folders that are made on the way to the target. */
  readonly folderMode: number;
}

export async function putItems(services: CopyServices, request: PutRequest): Promise<void> {
  const { items, reach, target } = request;
  if (items.length === 0) return;
  const found = await resolveTarget(await lookerAt(services, reach, target), target);
  const places = placeAll(items.map(placeable), target, found);
  for (let at = 0; at < items.length; ) {
    // Each archive has a program of its own: it is unpacked as if its folder were the root of everything.
    const end = items.findIndex(({ kind }, index) => index >= at && kind === 'archive');
    const next = end === at ? at + 1 : end < 0 ? items.length : end;
    const folders = [...new Set(places.slice(at, next).flatMap((place) => place.folders))];
    const item = items[at]!;
    const made = item.kind === 'archive' ? { ...request, folderMode: 0o755 } : request;
    const ops = [...reach, ...folders.map((inside) => makeFolder(inside, made))];
    if (item.kind === 'archive') await unpackArchive(services, { ...item, ...request, ops, base: places[at]!.base });
    else await putFiles(services, request, ops, items.slice(at, next), places.slice(at, next));
    at = next;
  }
}

/**
 * Looks at the root of a step: at all that is on the way to the target in one go. Where folders are is told as seen from the launcher's own
 * root, which need not be the one that is looked at.
 */
async function lookerAt(
  { host }: CopyServices,
  reach: readonly LaunchOp[],
  target: string,
): Promise<(path: string) => Promise<Look>> {
  const onTheWay = foldersOf(posix.resolve('/', target));
  const [top, ...found] = await looks(host, reach, ['/', ...onTheWay]);
  const root = top!.parent === '/' ? '' : top!.parent;
  const known = new Map(onTheWay.map((path, index) => [path, found[index]!]));
  return async (path) => {
    const seen = known.get(path) ?? (await look(host, reach, path));
    return seen.parent === '' ? seen : { ...seen, parent: seen.parent.slice(root.length) || '/' };
  };
}

const placeable = (item: PutItem) => ({
  isFolder: item.kind === 'archive' || (item.kind === 'tree' && item.selection.isFolder),
  name: item.kind === 'tree' ? item.selection.name : item.kind === 'text' ? item.name : '',
});

/**
 * As Docker's first builder and buildah have it, and no bad rule: who writes a folder of sources says nothing of who is root in the image.
 * What another stage or image has keeps its bits, since root has set them there (BuildKit).
 */
const ofContext = (type: string, mode: number): number =>
  type === 'f' ? mode & ~(0o4000 | (mode & 0o010 ? 0o2000 : 0)) : mode;

const makeFolder = (inside: string, { owner = { uid: 0, gid: 0 }, folderMode: mode }: PutRequest): LaunchOp => ({
  op: 'mkdir-in',
  root: ROOT,
  inside,
  mode,
  ...owner,
});

async function putFiles(
  services: CopyServices,
  request: PutRequest,
  ops: readonly LaunchOp[],
  items: readonly PutItem[],
  places: readonly Placement[],
): Promise<void> {
  const unpacker = await unpackTree(services.host, ops, UNPACK.KEEP_KINDS | UNPACK.CROSS_MOUNTS);
  try {
    for (const [index, item] of items.entries()) {
      const { base } = places[index]!;
      if (item.kind === 'text') await putText(services, request, unpacker, item, base);
      else if (item.kind === 'tree') await putTree(services, request, unpacker, item, base);
    }
    await unpacker.finish();
  } catch (error) {
    await unpacker.abort();
    throw explainPut(error);
  }
}

/** The words of BuildKit, where it has some. */
function explainPut(error: unknown): unknown {
  if (!(error instanceof UnpackFailure)) return error;
  const path = `/${error.path}`;
  const help = 'choose another target, or remove what is there first';
  if (error.step === 'over-folder')
    return new TcomposeError(`cannot replace to directory ${path} with file`, { code: 'bad-copy', help, cause: error });
  if (error.step === 'over-file')
    return new TcomposeError(`cannot copy to non-directory: ${path}`, { code: 'bad-copy', help, cause: error });
  return explainUnpacking(error, 'what is copied');
}

const youngest = ({ sourceDateEpoch }: CopyServices, time: Time): Time =>
  sourceDateEpoch !== undefined && time.seconds >= sourceDateEpoch
    ? { seconds: sourceDateEpoch, nanoseconds: 0 }
    : time;

async function putText(
  services: CopyServices,
  { owner = { uid: 0, gid: 0 }, chmod }: PutRequest,
  unpacker: Unpacker,
  { bytes }: PutItem & { kind: 'text' },
  path: string,
): Promise<void> {
  const mtime = youngest(services, { seconds: Math.floor(Date.now() / 1000), nanoseconds: 0 });
  const mode = chmod?.(0o644, false) ?? 0o644;
  await unpacker.put({ ...NOTHING, kind: 'f', path, mode, ...owner, mtime, size: bytes.length, stored: bytes.length });
  if (bytes.length > 0) await unpacker.data(bytes);
}

async function putTree(
  services: CopyServices,
  { owner, chmod }: PutRequest,
  unpacker: Unpacker,
  { origin, selection, contentOf, mtime }: PutItem & { kind: 'tree' },
  base: string,
): Promise<void> {
  const { files, time } = selection;
  const later = firstNames(files);
  const isRead = (selected: Selected) => /[df]/.test(selected.entry.type) && !later.has(selected);
  const pathOf = ({ path }: Selected) => (path === '' ? base : below(base, path));
  const records = await readFiles(
    services.host,
    origin.reach,
    files.filter(isRead).map(({ entry }) => entry.path),
  );
  const stream = records[Symbol.asyncIterator]();
  let bytes = 0;
  try {
    if (time !== undefined) await unpacker.put({ ...NOTHING, kind: 't', path: base, mtime: youngest(services, time) });
    for (const selected of files) {
      services.signal.throwIfAborted();
      const { type, mode, uid, gid, major, minor, target, identity } = selected.entry;
      const common = {
        ...NOTHING,
        path: pathOf(selected),
        ...(owner ?? (origin.owned ? { uid, gid } : { uid: 0, gid: 0 })),
        mode: chmod?.(mode, type === 'd') ?? (origin.owned ? mode : ofContext(type, mode)),
        mtime: youngest(services, mtime ?? modifiedAt(identity)),
      };
      const first = later.get(selected);
      if (first !== undefined) await unpacker.put({ ...common, kind: 'h', link: pathOf(first) });
      else if (type === 'l') await unpacker.put({ ...common, kind: 'l', link: target });
      else if (type === 'f' || type === 'd') {
        const { done, value: record } = await stream.next();
        if (done) throw new Error('this is a bug in tcompose: fewer files came than were asked for');
        const { size, stored, segments } = record;
        const room = unpacker.put({
          ...common,
          kind: type,
          xattrs: attributesOf(record, origin),
          size,
          stored,
          segments,
        });
        if (room !== undefined) await room;
        // What is not as it was when it was hashed must be the same at least.
        const check = origin.isLive && identityOf(record) !== identity ? contentHash(record, origin) : undefined;
        if (stored > 0)
          for await (const part of record.data()) {
            check?.update(part);
            const full = unpacker.data(part);
            if (full !== undefined) await full;
          }
        if (check !== undefined && check.digest() !== contentOf(selected)) throw changed(selected.entry);
        bytes += stored;
        services.onProgress?.('copying files', bytes);
      } else if (type !== 's') await unpacker.put({ ...common, kind: type, major, minor });
    }
  } finally {
    await records.close();
  }
}

const changed = ({ path }: Entry): TcomposeError =>
  new TcomposeError(`${textOf(path)} changed while it was copied`, {
    code: 'unreadable-file',
    help: 'build again when nothing writes to the context',
  });
