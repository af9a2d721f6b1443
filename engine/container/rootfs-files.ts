/** Reads files out of an image or a container that is not mounted: by descriptor, in a launcher of its own mounts. */
import { lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../host.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import { overlayOps } from '../launcher/overlay.ts';
import { readText } from '../state/files.ts';
import { containerDir, containerRun } from '../state/paths.ts';
import { CLONE, MS, O_CLOEXEC, O_DIRECTORY, O_PATH } from './linux.ts';

export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

const LIMIT = 1 << 20;

/** Characters: RUN is memory, and an image's author may have written any amount. */
const KEPT = 1 << 16;
const savedPath = (host: Host, id: string) => join(containerRun(host.paths, id), 'accounts');

/** At a start: what was read is kept in its run folder, since an exec asks for it again, and layers never change. */
export async function saveAccountFiles(host: Host, id: string, layers: readonly string[]): Promise<AccountFiles> {
  const accounts = await readAccountFiles(host, id, layers);
  const text = JSON.stringify(accounts);
  if (text.length <= KEPT) writeFileSync(savedPath(host, id), text, { mode: 0o600 });
  return accounts;
}

/** For an exec: without a process, unless the container has files of its own in /etc. */
export async function savedAccountFiles(
  host: Host,
  id: string,
  layers: () => Promise<readonly string[]>,
): Promise<AccountFiles> {
  const saved = hasEtc(join(containerDir(host.paths, id), 'upper')) ? undefined : readText(savedPath(host, id));
  return saved === undefined ? readAccountFiles(host, id, await layers()) : (JSON.parse(saved) as AccountFiles);
}

/** One look per image and command: fifty containers of one image share it, unless a container has changed the files itself. */
export function readAccountFiles(host: Host, id: string, layers: readonly string[]): Promise<AccountFiles> {
  const upper = join(containerDir(host.paths, id), 'upper');
  if (hasEtc(upper)) return readAccounts(host, id, [upper, ...layers]);
  return host.shared(`accounts ${layers.join(':')}`, () => readAccounts(host, id, layers));
}

/** Whatever it is: only that something is there counts, and then it is read with care. */
function hasEtc(upper: string): boolean {
  try {
    return lstatSync(join(upper, 'etc')) !== undefined;
  } catch {
    return false;
  }
}

async function readAccounts(host: Host, id: string, folders: readonly string[]): Promise<AccountFiles> {
  const ops: LaunchOp[] = [];
  let path = folders[0]!;
  if (folders.length > 1) {
    path = join(containerRun(host.paths, id), 'rootfs');
    ops.push(
      { op: 'unshare', flags: CLONE.NEWNS },
      { op: 'mount', source: 'none', path: '/', type: '', flags: MS.REC | MS.PRIVATE },
      ...overlayOps({ layers: folders, on: path, flags: MS.RDONLY | MS.NODEV | MS.NOSUID | MS.NOEXEC }),
    );
  }
  ops.push(
    { op: 'open', slot: 0, path, flags: O_PATH | O_DIRECTORY | O_CLOEXEC },
    { op: 'read-in', root: 0, inside: '/etc/passwd', maxBytes: LIMIT },
    { op: 'read-in', root: 0, inside: '/etc/group', maxBytes: LIMIT },
  );
  const { data } = await (await host.session()).run(ops);
  const text = (index: number) => Buffer.from(data.get(index) ?? []).toString('utf8');
  return { passwd: text(ops.length - 2), group: text(ops.length - 1) };
}
