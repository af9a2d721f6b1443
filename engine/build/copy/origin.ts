/** A tree that is copied from, opened: how the launcher reaches it, what is in it, and what its files were found to contain. */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { TcomposeError } from '../../../src/model/errors.ts';
import { CLONE, MS, O_CLOEXEC, O_DIRECTORY, O_PATH } from '../../container/linux.ts';
import { ROOT } from '../../files/container-root.ts';
import { hostReach } from '../../files/host-side.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { overlayOps } from '../../launcher/overlay.ts';
import type { IgnoreRules } from '../ignore-file.ts';
import type { CopyServices, SourceTree } from './contract.ts';
import { type Lister, openLister } from './reader.ts';
import { openStatCache, type StatCache } from './stat-cache.ts';
import { type Entry, type List, Tree } from './tree.ts';

export interface Origin {
  readonly tree: Tree;
  readonly reach: readonly LaunchOp[];
  /** Files keep their owners: those of a folder are nobody's. */
  readonly owned: boolean;
  /** Somebody may be changing it. */
  readonly isLive: boolean;
  readonly cache: StatCache;
  /** Bytes that had to be read, so far. */
  readonly progress: { bytes: number; total: number };
  /** Under what the cache knows a file: 48 bytes as latin1 text. */
  cacheKey(entry: Entry): string;
}

const opened = new WeakMap<CopyServices, Map<string, Origin>>();

/** Once a build: what was looked at stays known. */
export function originOf(services: CopyServices, source: SourceTree): Origin {
  const known = opened.get(services) ?? new Map<string, Origin>();
  opened.set(services, known);
  const key = JSON.stringify(
    source.kind === 'folder' ? [source.path, shownRules(source.ignore)] : [source.key, source.layers],
  );
  const origin = known.get(key) ?? openOrigin(services, source);
  known.set(key, origin);
  return origin;
}

const shownRules = (rules: IgnoreRules) => rules.map(({ glob, exception }) => [glob.text, exception]);

/** As it is now. */
export function openOrigin(services: CopyServices, source: SourceTree): Origin {
  const { host } = services;
  if (source.kind === 'folder') {
    const path = realFolder(source.path);
    const reach = hostReach(path);
    return {
      tree: new Tree(listerOf(services, reach), source.ignore),
      reach,
      owned: false,
      isLive: true,
      progress: { bytes: 0, total: 0 },
      cache: openStatCache(host.paths, path),
      cacheKey: ({ identity }) => identity,
    };
  }
  const reach = layersReach(services.scratch, source.layers);
  return {
    tree: new Tree(listerOf(services, reach)),
    reach,
    owned: true,
    isLive: false,
    progress: { bytes: 0, total: 0 },
    cache: openStatCache(host.paths, `layers:${source.key}`),
    // Numbers of overlay's devices mean nothing in another mount of the same layers.
    cacheKey: ({ path }) => createHash('sha384').update(`${source.key}\0${path}`, 'latin1').digest().toString('latin1'),
  };
}

function realFolder(path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new TcomposeError(`the context ${path} is not there`, {
      code: 'no-such-file',
      help: 'name a folder that exists',
      cause,
    });
  }
}

/** Layers as one tree, mounted where nobody else sees it. Overlay wants two folders at least. */
export function layersReach(scratch: string, layers: readonly string[]): readonly LaunchOp[] {
  const [on, empty, none] = ['view', 'empty', 'none'].map((name) => join(scratch, name)) as [string, string, string];
  for (const folder of [on, empty, none]) mkdirSync(folder, { recursive: true, mode: 0o755 });
  return [
    { op: 'unshare', flags: CLONE.NEWNS },
    { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
    ...overlayOps({ layers: [...layers, empty, ...(layers.length === 0 ? [none] : [])], on, flags: MS.RDONLY }),
    { op: 'open', slot: ROOT, path: on, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
  ];
}

/** What is asked next is mostly asked at once; a process that waits would keep the command from ending. */
const IDLE_MS = 2;

/** A launcher answers while there is something to ask, and goes when there is not. */
function listerOf({ host, signal }: CopyServices, reach: readonly LaunchOp[]): List {
  let lister: Promise<Lister> | undefined;
  let waiting = 0;
  let idle: NodeJS.Timeout | undefined;
  const close = () => {
    const last = lister;
    lister = undefined;
    void last?.then((it) => it.close()).catch(() => undefined);
  };
  return async (path) => {
    signal.throwIfAborted();
    clearTimeout(idle);
    lister ??= openLister(host, reach);
    waiting++;
    try {
      return await (await lister).list(path);
    } finally {
      if (--waiting === 0) idle = setTimeout(close, IDLE_MS);
    }
  };
}
