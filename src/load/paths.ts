/** Relative paths of a document become absolute, from the folder that the document belongs to. */
import { homedir } from 'node:os';
import { posix } from 'node:path';
import { isHostPath } from './canonical/volumes.ts';
import { childList, childMap, childText, entriesOf, type MapNode, type ScalarNode, type SpecNode } from './tree.ts';

/** A URL or a git reference: not a path of this machine. */
const REMOTE = /^(https?:\/\/|git:\/\/|ssh:\/\/|github\.com\/|git@)|:\/\//;

export function absolute(path: string, base: string): string {
  if (path === '~' || path.startsWith('~/')) return posix.resolve(homedir(), `.${path.slice(1)}`);
  return posix.resolve(base, path);
}

/** In the model, what is absolute stays as it was written: a last slash can tell a folder from a file. */
function placed(path: string, base: string): string {
  return posix.isAbsolute(path) ? path : absolute(path, base);
}

type Resolve = typeof placed;

export function resolveProjectPaths(root: SpecNode, base: string, resolve: Resolve = placed): void {
  for (const [, service] of entriesOf(childMap(root, 'services'))) resolveServicePaths(service, base, resolve);
  for (const section of ['configs', 'secrets']) {
    for (const [, object] of entriesOf(childMap(root, section))) change(object, 'file', (path) => resolve(path, base));
  }
  for (const [, volume] of entriesOf(childMap(root, 'volumes'))) {
    const options = childMap(volume, 'driver_opts');
    const isBind = childText(volume, 'driver') === 'local' && childText(options, 'o') === 'bind';
    if (isBind) change(options, 'device', (path) => resolve(path, base));
  }
}

/** For `--no-path-resolution`: a path of a file in another folder has to lead there all the same. */
export function relativePath(path: string, base: string): string {
  return posix.isAbsolute(path) || path.startsWith('~') || base === '' ? path : posix.join(base, path);
}

export function resolveServicePaths(service: SpecNode, base: string, resolve: Resolve = placed): void {
  const build = childMap(service, 'build');
  if (build !== undefined) resolveBuild(build, base, resolve);
  for (const item of childList(service, 'env_file')?.items ?? []) change(item, 'path', (path) => resolve(path, base));
  for (const item of childList(service, 'label_file')?.items ?? []) {
    if (item.kind === 'scalar') item.value = resolve(String(item.value), base);
  }
  for (const item of childList(service, 'volumes')?.items ?? []) {
    if (childText(item, 'type') === 'bind')
      change(item, 'source', (path) => (isForeign(path) ? path : resolve(path, base)));
  }
  for (const item of childList(childMap(service, 'develop'), 'watch')?.items ?? [])
    change(item, 'path', (path) => resolve(path, base));
  change(childMap(service, 'extends'), 'file', (path) => (REMOTE.test(path) ? path : resolve(path, base)));
}

function isForeign(path: string): boolean {
  return isHostPath(path) && /^(\\\\|[A-Za-z]:)/.test(path);
}

function resolveBuild(build: MapNode, base: string, resolve: Resolve): void {
  const local = (path: string) => (REMOTE.test(path) ? path : resolve(path, base));
  change(build, 'context', local);
  for (const [name] of entriesOf(childMap(build, 'additional_contexts'))) {
    change(childMap(build, 'additional_contexts'), name, (path) => (/^[a-z-]+:/.test(path) ? path : local(path)));
  }
  for (const [id] of entriesOf(childMap(build, 'ssh')))
    change(childMap(build, 'ssh'), id, (path) => resolve(path, base));
}

function change(node: SpecNode | undefined, key: string, rewrite: (text: string) => string): void {
  if (node?.kind !== 'map') return;
  const found = node.entries.get(key)?.value;
  if (found?.kind !== 'scalar' || typeof found.value !== 'string' || found.value === '') return;
  (found as ScalarNode).value = rewrite(found.value);
}
