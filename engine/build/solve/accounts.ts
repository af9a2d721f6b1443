/** Names of users and groups in a build, looked up in the files of the layers below, never in the host's. */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { resolveIdentity } from '../../container/identity.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { layerFolders, reachLayers } from './layers.ts';
import type { Solver } from './solver.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const LIMIT = 1 << 20;
const IS_NUMBERS = /^\d+(?::\d+)?$/;

/** For a cache key: numbers where they are given; a name means what it means in the layers below. */
export function ownerKey(text: string): { readonly key: string; readonly dependsOnLayers: boolean } {
  if (!IS_NUMBERS.test(text)) return { key: text, dependsOnLayers: true };
  const [uid = '', gid = uid] = text.split(':');
  return { key: `${Number(uid)}:${Number(gid)}`, dependsOnLayers: false };
}

/** `--chown` and USER: `user[:group]`. Of a number alone the group is the same number (`--chown`); of a name it is the user's own. */
export async function ownerOf(solver: Solver, layers: readonly string[], text: string): Promise<Owner> {
  if (IS_NUMBERS.test(text)) {
    const [uid = '', gid = uid] = text.split(':');
    return { uid: Number(uid), gid: Number(gid) };
  }
  const { uid, gid } = resolveIdentity({ user: text, groupAdd: [] }, await accountFiles(solver, layers));
  return { uid, gid };
}

/** As whom a RUN of this USER runs. */
export async function identityOf(solver: Solver, layers: readonly string[], user: string): Promise<Owner> {
  if (user === '' || user === '0' || user === 'root' || /^\d+:\d+$/.test(user)) {
    const [uid = '0', gid = '0'] = user === 'root' || user === '' ? [] : user.split(':');
    return { uid: Number(uid), gid: Number(gid) };
  }
  const { uid, gid } = resolveIdentity({ user, groupAdd: [] }, await accountFiles(solver, layers));
  return { uid, gid };
}

async function accountFiles(
  { host, maker }: Solver,
  layers: readonly string[],
): Promise<{ readonly passwd: string; readonly group: string }> {
  const folders = layerFolders(host.paths, layers);
  if (folders.length === 0) return { passwd: '', group: '' };
  const { folder } = await maker.work();
  const [on, empty] = [join(folder, 'accounts', 'on'), join(folder, 'accounts', 'empty')];
  await mkdir(dirname(on), { recursive: true });
  await Promise.all([on, empty].map((path) => mkdir(path, { recursive: true, mode: 0o755 })));
  const ops: readonly LaunchOp[] = [
    ...reachLayers(folders, { on, empty }),
    { op: 'read-in', root: 0, inside: '/etc/passwd', maxBytes: LIMIT },
    { op: 'read-in', root: 0, inside: '/etc/group', maxBytes: LIMIT },
  ];
  const { data } = await (await host.session()).run(ops);
  const text = (index: number) => Buffer.from(data.get(index) ?? []).toString('utf8');
  return { passwd: text(ops.length - 2), group: text(ops.length - 1) };
}
