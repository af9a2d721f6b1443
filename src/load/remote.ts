/** Files from afar in the loader: they are fetched by somebody else, read as any file, and trusted with what came along with them only. */
import { posix } from 'node:path';
import { type Fetched, isAddress, type Remotes, withoutPassword } from '../model/remote.ts';
import type { Disk } from './disk.ts';
import type { Findings } from './findings.ts';
import {
  child,
  childList,
  childMap,
  entriesOf,
  type MapNode,
  type Mark,
  type SourceText,
  type SpecNode,
} from './tree.ts';

type Root = Pick<Fetched, 'root' | 'name'>;

export interface Afar {
  readonly remotes: Remotes | undefined;
  /** Folders that were fetched so far. */
  readonly roots: Root[];
}

/** The local path of what an address means; undefined where that was reported. */
export async function fetchFile(
  address: string,
  at: Mark | undefined,
  { findings, afar }: { readonly findings: Findings; readonly afar: Afar },
): Promise<string | undefined> {
  const byRemote = at?.source.name !== undefined;
  const fetched = await ask(address, at, afar);
  if (!fetched.ok) {
    const { why, help } = fetched;
    findings.error('bad-remote', `cannot fetch ${withoutPassword(address)}: ${why}`, at, { help });
    return undefined;
  }
  const { root, name, warning } = fetched;
  if (!afar.roots.some((known) => known.root === root && known.name === name)) afar.roots.push({ root, name });
  if (warning !== undefined) findings.warn('bad-remote', warning, at, { help: 'use https:// or ssh://' });
  return fetched.file;

  function ask(wanted: string, mark: Mark | undefined, { remotes }: Afar): ReturnType<Remotes['fetch']> {
    const refuse = async (why: string, help: string) => ({ ok: false, why, help }) as const;
    if (remotes === undefined) return refuse('nothing is fetched here', 'fetch it yourself, and give its path');
    // `https://example.org/${SECRET}.git` would tell the secret to whoever wrote it.
    if (byRemote && mark!.source.text.slice(mark!.start, mark!.end).includes('$'))
      return refuse('a fetched file may not make an address out of variables', 'write the address in full');
    return remotes.fetch(wanted, byRemote);
  }
}

/** Paths are made absolute, addresses are fetched; undefined where one of them could not be. */
export async function localPaths(
  written: readonly string[],
  at: Mark,
  context: { readonly findings: Findings; readonly afar: Afar },
  local: (path: string) => string,
): Promise<readonly string[] | undefined> {
  const paths: string[] = [];
  for (const path of written) {
    const found = isAddress(path) ? await fetchFile(path, at, context) : local(path);
    if (found === undefined) return undefined;
    paths.push(found);
  }
  return paths;
}

/** A disk on which fetched files have their address for a name, and reach nothing but each other. */
export function withAfar(disk: Disk, { roots }: Afar): Disk {
  const rootOf = (file: string) => roots.find(({ root }) => isIn(root, file));
  return {
    ...disk,
    read: (path, by) => {
      const home = by && rootOf(by.file);
      // Or with another one, which it asked for by its address.
      if (home !== undefined && rootOf(disk.real(path)) === undefined) {
        const why = `it lies outside of ${home.name.replace(/:$/, '')}, which asks for it`;
        const help = 'lay a file of your own over it: that may name paths of this machine';
        return { ok: false, code: 'outside-remote', why, help };
      }
      const read = disk.read(path);
      const root = rootOf(path);
      return read.ok && root !== undefined ? { ...read, name: root.name + posix.relative(root.root, path) } : read;
    },
  };
}

/** Everything that is read from it is asked for by this file. */
export const askedBy = (disk: Disk, by: Pick<SourceText, 'file'>): Disk => ({
  ...disk,
  read: (path) => disk.read(path, by),
});

const isIn = (root: string, path: string): boolean => path === root || path.startsWith(`${root}/`);

/** What of this machine fetched files would give to their containers: not forbidden, but nobody should be surprised. */
export function warnOutside(model: MapNode, services: MapNode, disk: Disk, { roots }: Afar, findings: Findings): void {
  if (roots.length === 0) return;
  const check = (node: SpecNode | undefined, what: string) => {
    if (node?.kind !== 'scalar' || node.mark.source.name === undefined) return;
    const path = String(node.value);
    const home = roots.find(({ root }) => isIn(root, node.mark.source.file));
    if (home === undefined || !path.startsWith('/') || isIn(home.root, disk.real(path))) return;
    findings.warn('outside-remote', `a fetched file ${what} ${path} of this machine`, node.mark, {
      help: 'look whether that is what you want; lay a file of your own over it where not',
    });
  };
  for (const [, service] of entriesOf(services)) {
    for (const mount of childList(service, 'volumes')?.items ?? [])
      if (child(mount, 'type')?.kind === 'scalar') check(child(mount, 'source'), 'mounts');
    const build = childMap(service, 'build');
    check(child(build, 'context'), 'builds from');
    for (const [, context] of entriesOf(childMap(build, 'additional_contexts'))) check(context, 'builds from');
  }
  for (const section of ['secrets', 'configs'])
    for (const [, object] of entriesOf(childMap(model, section))) check(child(object, 'file'), 'reads');
  for (const [, volume] of entriesOf(childMap(model, 'volumes')))
    check(child(childMap(volume, 'driver_opts'), 'device'), 'mounts');
}
