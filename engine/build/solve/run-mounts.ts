/** What `RUN --mount` shows: made before the step, taken away after it. Nothing of it reaches a layer. */
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { BuildSecret } from '../../../src/model/build.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { MountSource } from '../../container/mounts.ts';
import { follow } from '../../files/look.ts';
import type { Host } from '../../host.ts';
import type { LaunchOp } from '../../launcher/ops.ts';
import { overlayOps } from '../../launcher/overlay.ts';
import type { MountRecord } from '../../state/records.ts';
import type { SourceTree } from '../copy/contract.ts';
import type { RunMount } from '../run-mount.ts';
import { openCache } from './cache-mounts.ts';
import { openFile, openFolder } from './folders.ts';
import { reachLayers } from './layers.ts';
import { forwardAgent } from './ssh-agent.ts';

/** A mount as it was parsed, and where its files come from (bind, cache with `from`). */
export interface WantedMount {
  readonly mount: RunMount;
  readonly from?: SourceTree;
  /** Copies what `from` and `source` name to `/tree` beneath a folder of the host. */
  readonly copyTo?: (folder: string) => Promise<void>;
}

export interface MountSite {
  /** `images/…`: where caches lie. */
  readonly caches: string;
  /** Memory, for secrets; exists. */
  readonly secretsDir: string;
  /** On the disk, the step's own; exists. */
  readonly scratch: string;
  /** Asked what a path in layers is. */
  readonly host: Host;
  readonly secrets: readonly BuildSecret[];
  readonly ssh: readonly { readonly id: string; readonly path?: string }[];
}

export interface PreparedMounts {
  readonly mounts: readonly MountRecord[];
  readonly sources: readonly MountSource[];
  /** In the step's own mount namespace, before its root is mounted. */
  readonly before: readonly LaunchOp[];
  readonly env: Readonly<Record<string, string>>;
  release(): Promise<void>;
}

interface One {
  readonly mount?: MountRecord;
  readonly source?: MountSource;
  readonly before?: readonly LaunchOp[];
  readonly env?: Readonly<Record<string, string>>;
  readonly release?: () => Promise<void> | void;
}

export async function prepareMounts(site: MountSite, wanted: readonly WantedMount[]): Promise<PreparedMounts> {
  const made: One[] = [];
  const release = async () => {
    for (const one of made.reverse()) await one.release?.();
  };
  try {
    for (const [index, one] of wanted.entries()) made.push(await prepare(site, one, index));
  } catch (error) {
    await release();
    throw error;
  }
  const shown = made.filter((one) => one.mount !== undefined);
  return {
    mounts: shown.map(({ mount }) => mount!),
    sources: shown.map(({ source }) => source!),
    before: made.flatMap(({ before }) => before ?? []),
    env: Object.assign({}, ...made.map(({ env }) => env ?? {})) as Record<string, string>,
    release,
  };
}

function prepare(site: MountSite, wanted: WantedMount, index: number): Promise<One> | One {
  switch (wanted.mount.type) {
    case 'bind':
      return bind(site, wanted, index);
    case 'cache':
      return cache(site, wanted);
    case 'tmpfs':
      return tmpfs(wanted.mount);
    case 'secret':
      return secret(site, wanted.mount, index);
    case 'ssh':
      return ssh(site, wanted.mount, index);
  }
}

const record = (target: string, fields: Partial<MountRecord>): MountRecord => ({
  kind: 'bind',
  source: '',
  target,
  readOnly: false,
  anonymous: false,
  noCopy: true,
  propagation: '',
  recursive: false,
  createHostPath: false,
  options: [],
  ...fields,
});

/** Files of the context are copied, so that what is ignored is not seen; layers are merged. What is written to either is lost. */
async function bind(site: MountSite, { mount, from, copyTo }: WantedMount, index: number): Promise<One> {
  const beside = join(site.scratch, `bind-${index}`);
  const { readOnly, target = '/' } = mount;
  if (from?.kind === 'layers') {
    const [upper, work, on, empty] = ['upper', 'work', 'on', 'empty'].map((name) => join(beside, name)) as [
      string,
      string,
      string,
      string,
    ];
    for (const folder of [upper, work, on, empty]) openFolder(folder);
    const source = join('/', mount.source ?? '');
    const { kind } = await follow(site.host, reachLayers(from.layers, { on, empty }), source);
    if (kind === 'missing')
      throw new TcomposeError(`there is no ${source} in ${mount.from} to be mounted on ${target}`, {
        code: 'no-such-file',
        help: 'see what the stage or image has there',
      });
    return {
      mount: record(target, { readOnly, subpath: source }),
      source: { path: on, isFolder: kind === 'folder' },
      before: overlayOps({ layers: [...from.layers, empty], writable: { upper, work }, on, flags: 0 }),
    };
  }
  openFolder(beside);
  await copyTo?.(beside);
  const isFolder = lstatSync(join(beside, 'tree')).isDirectory();
  return { mount: record(target, { readOnly, subpath: 'tree' }), source: { path: beside, isFolder } };
}

async function cache(site: MountSite, { mount, copyTo }: WantedMount): Promise<One> {
  const { id, target = '/', sharing = 'shared', mode = 0o755, uid = 0, gid = 0, readOnly } = mount;
  const key = createHash('sha256')
    .update(id ?? target)
    .digest('hex');
  const { folder, release } = await openCache(join(site.caches, key), sharing, async (fresh) => {
    await copyTo?.(fresh);
    const tree = join(fresh, 'tree');
    mkdirSync(tree, { recursive: true });
    chownSync(tree, uid, gid);
    chmodSync(tree, mode);
  });
  return {
    mount: record(target, { readOnly, subpath: 'tree' }),
    source: { path: folder, isFolder: true },
    release,
  };
}

const tmpfs = ({ target = '/', sizeBytes, readOnly }: RunMount): One => ({
  mount: record(target, {
    kind: 'tmpfs',
    readOnly,
    options: ['exec', 'dev', ...(sizeBytes ? [`size=${sizeBytes}`] : [])],
  }),
  source: { path: '', isFolder: true },
});

function secretBytes({ source }: BuildSecret, id: string): Uint8Array {
  if ('content' in source) return source.content;
  if ('env' in source) return Buffer.from(process.env[source.env] ?? '');
  try {
    return readFileSync(source.file);
  } catch (cause) {
    throw new TcomposeError(`the secret ${id} cannot be read from ${source.file}`, {
      code: 'secret-unreadable',
      help: 'see whether the file is there',
      cause,
    });
  }
}

/** Without a target it is a file unless it is a variable. */
function secret(site: MountSite, mount: RunMount, index: number): One {
  const id = mount.id ?? basename(mount.target ?? '');
  const given = site.secrets.find((one) => one.id === id);
  if (given === undefined || ('env' in given.source && process.env[given.source.env] === undefined)) {
    if (mount.required)
      throw new TcomposeError(`the secret ${id} is required and was not given`, {
        code: 'secret-missing',
        help: `give it: --secret id=${id},src=FILE`,
      });
    return {};
  }
  const bytes = secretBytes(given, id);
  const env = mount.env === undefined ? {} : { env: { [mount.env]: Buffer.from(bytes).toString() } };
  if (mount.env !== undefined && mount.target === undefined) return env;
  const path = join(site.secretsDir, `secret-${index}`);
  // Owner and mode before the bytes: nobody who is not to read it may, not even for a moment.
  writeFileSync(path, '', { mode: 0o600 });
  chownSync(path, mount.uid ?? 0, mount.gid ?? 0);
  chmodSync(path, mount.mode ?? 0o400);
  writeFileSync(path, bytes);
  return {
    ...env,
    mount: record(mount.target ?? `/run/secrets/${id}`, { readOnly: true }),
    source: { path, isFolder: false },
    release: () => rmSync(path, { force: true }),
  };
}

async function ssh(site: MountSite, mount: RunMount, index: number): Promise<One> {
  const id = mount.id ?? 'default';
  const given = site.ssh.find((one) => one.id === id);
  if (given === undefined) {
    if (mount.required)
      throw new TcomposeError(`the SSH agent ${id} is required and was not given`, {
        code: 'ssh-missing',
        help: `give it: --ssh ${id}`,
      });
    return {};
  }
  const target = mount.target ?? `/run/buildkit/ssh_agent.${index}`;
  const agent = await forwardAgent(join(site.secretsDir, `ssh-${index}`), given, {
    uid: mount.uid ?? 0,
    gid: mount.gid ?? 0,
    mode: mount.mode ?? 0o600,
  });
  return {
    mount: record(target, { readOnly: false }),
    source: { path: agent.socket, isFolder: false },
    env: { SSH_AUTH_SOCK: target },
    release: () => agent.close(),
  };
}

/** Empty files and folders that these mounts need, as the lowest layer: so none of them is left in the layer that is made. */
export function makePoints(folder: string, mounts: readonly MountRecord[], sources: readonly MountSource[]): string {
  openFolder(folder);
  for (const [index, { target }] of mounts.entries()) {
    openFolder(folder, sources[index]!.isFolder ? target : dirname(target));
    if (!sources[index]!.isFolder) openFile(join(folder, target), '', 0o644);
  }
  return folder;
}
