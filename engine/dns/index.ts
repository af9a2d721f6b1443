/** The name room's only door: name servers that know a project's containers, and the texts that containers resolve names by. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Damage } from '../../src/model/live.ts';
import { type Records, readNetworkRecords } from '../network/index.ts';
import type { Runner } from '../network/programs.ts';
import { readContainerRecords } from '../state/container-records.ts';
import { type Locker, withFolderLock } from '../state/file-lock.ts';
import { namesIn } from '../state/files.ts';
import { dnsDir, type Paths } from '../state/paths.ts';
import { endServer, ensureServer, findServer, makePublicFolder, makeServerFolder } from './name-server.ts';
import { type Zone, zonesOf } from './zone.ts';

export { nameServers, relayRecord, resolverOps } from './resolver-ops.ts';
export { allotResolverPorts, needsPort } from './views.ts';
export { linkLines } from './zone.ts';

export interface DnsContext {
  readonly paths: Paths;
  /** Path of tcompose-launcher, which starts a server again when it ends. */
  readonly launcher: string;
  /** Who runs the host's programs, and who locks; absent: this process. */
  readonly program?: Runner;
  readonly locker?: Locker;
}

const dnsRoot = (paths: Paths): string => dirname(dnsDir(paths, '-'));

/** One at a time: of two calls, the later one knows what both are about, and a server that goes has left its addresses. */
export async function withNames<T>(
  { paths, locker }: Pick<DnsContext, 'paths' | 'locker'>,
  work: () => Promise<T>,
): Promise<T> {
  makePublicFolder(paths.run, dnsRoot(paths));
  return await withFolderLock(dnsRoot(paths), work, locker);
}

/**
 * Makes the name servers know the wanted containers: started where they do not run, ended where nobody wants to run any more. Names are
 * there when this resolves: call it before containers start, records written. `networks`: only those whose view has one of them may
 * have changed. `switchOver`: leads running containers from one to another: what they asked before is there until it is done.
 */
export async function syncNames(
  context: DnsContext,
  networks?: ReadonlySet<string>,
  switchOver?: () => Promise<void>,
): Promise<void> {
  const { paths } = context;
  await withNames(context, async () => {
    const zones = zonesOf(readRecords(paths));
    const known = new Set(zones.map(({ key }) => key));
    const gone = namesIn(dnsRoot(paths)).filter((key) => !known.has(key));
    const touched = zones.filter((zone) => networks === undefined || zone.networks.some((name) => networks.has(name)));
    const removeGone = () => Promise.all(gone.map((key) => removeServer(paths, key)));
    const serveAll = () => Promise.all(touched.map((zone) => serve(context, zone)));
    // One that goes may have what another one is to get, but for those that are switched from: ports are not given twice.
    if (switchOver === undefined) await removeGone();
    await serveAll();
    await switchOver?.();
    if (switchOver !== undefined) await removeGone();
  });
}

const readRecords = (paths: Paths): Records => ({
  networks: readNetworkRecords(paths),
  containers: readContainerRecords(paths),
});

async function serve({ paths, launcher, program }: DnsContext, zone: Zone): Promise<void> {
  const folder = dnsDir(paths, zone.key);
  makeServerFolder(folder);
  const changed = writeZone(folder, zone);
  await ensureServer(folder, zone, { launcher, changed, ...(program && { program }) });
}

/** Read by the server only when it is told to: it never sees half of it. True: something is new. */
function writeZone(folder: string, { hosts, routes }: Zone): boolean {
  const strangers = readdirSync(join(folder, 'hosts')).filter((name) => !hosts.has(name));
  for (const name of strangers) rmSync(join(folder, 'hosts', name), { force: true });
  const texts = [...hosts].map(([network, text]): [string, string] => [join('hosts', network), text]);
  const changed = [...texts, ['routes', routes] as const].filter(([name, text]) => write(join(folder, name), text));
  return strangers.length + changed.length > 0;
}

function write(path: string, text: string): boolean {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  writeFileSync(path, text, { mode: 0o644 });
  return true;
}

async function removeServer(paths: Paths, key: string): Promise<void> {
  const folder = dnsDir(paths, key);
  await endServer(folder);
  rmSync(folder, { recursive: true, force: true });
}

/** Damage per network name: a name server that its containers ask does not run. syncNames mends it. */
export function dnsDamage({ paths }: Pick<DnsContext, 'paths'>, records: Records): Map<string, readonly Damage[]> {
  const dead = zonesOf(records).filter(({ key }) => findServer(dnsDir(paths, key)) === undefined);
  return new Map(
    dead.flatMap(({ networks }) =>
      networks.map((name): [string, Damage[]] => [name, [{ kind: 'dns', what: `the name server of network ${name}` }]]),
    ),
  );
}
