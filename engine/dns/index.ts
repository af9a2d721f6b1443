/** The name room's only door: name servers that know a project's containers, and the texts that containers resolve names by. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Damage } from '../../src/model/live.ts';
import { type Records, readNetworkRecords } from '../network/index.ts';
import { readContainerRecords } from '../state/container-records.ts';
import { withFolderLock } from '../state/file-lock.ts';
import { dnsDir, type Paths } from '../state/paths.ts';
import { endServer, ensureServer, findServer, makeServerFolder } from './name-server.ts';
import { NOBODY, ownerOf, ownersFor, type Zone, zoneOf } from './zone.ts';

export { linkLines, nameServers } from './zone.ts';

export interface DnsContext {
  readonly paths: Paths;
  readonly instance: string;
}

const KINDS = ['open', 'internal'] as const;

/**
 * Makes the name servers that serve a project know its wanted containers: started when they do not run, stopped when nobody wants to run
 * on their networks any more. Names are there when this resolves: call it before containers start, records written.
 */
export async function syncNames({ paths }: DnsContext, project: string): Promise<void> {
  const owners = ownersFor(project, readRecords(paths));
  await Promise.all([...owners].map((owner) => syncOwner(paths, owner)));
}

/**
 * Read and written within one turn of Node's loop: of two calls at the same time, the one that writes last has read last, so it knows
 * what both are about.
 */
const readRecords = (paths: Paths): Records => ({
  networks: readNetworkRecords(paths),
  containers: readContainerRecords(paths),
});

/** One at a time: a server that is made anew with other networks has to have left its addresses. */
async function syncOwner(paths: Paths, owner: string): Promise<void> {
  const folder = dnsDir(paths, owner);
  makeServerFolder(paths.run, folder);
  await withFolderLock(dirname(folder), () => syncServers(paths, owner, folder));
}

async function syncServers(paths: Paths, owner: string, folder: string): Promise<void> {
  const zone = zoneOf(owner, readRecords(paths));
  if (zone.servers.length === 0) return await stopDns({ paths }, owner);
  makeServerFolder(paths.run, folder);
  writeZone(folder, zone);
  const unused = KINDS.filter((kind) => !zone.servers.some((server) => server.kind === kind));
  await Promise.all([
    ...zone.servers.map((server) => ensureServer(folder, server)),
    ...unused.map((kind) => endServer(folder, kind)),
  ]);
}

/** Read by the server only when it is told to: it never sees half of it. */
function writeZone(folder: string, { hosts, routes }: Zone): void {
  for (const [network, text] of hosts) writeFileSync(join(folder, 'hosts', network), text, { mode: 0o644 });
  for (const name of readdirSync(join(folder, 'hosts'))) {
    if (!hosts.has(name)) rmSync(join(folder, 'hosts', name), { force: true });
  }
  writeFileSync(join(folder, 'routes'), routes, { mode: 0o644 });
}

export async function stopDns({ paths }: Pick<DnsContext, 'paths'>, project: string): Promise<void> {
  const folder = dnsDir(paths, project || NOBODY);
  if (!existsSync(folder)) return;
  await Promise.all(KINDS.map((kind) => endServer(folder, kind)));
  rmSync(folder, { recursive: true, force: true });
}

/** Damage per network name: its name server does not run. syncNames mends it. */
export function dnsDamage({ paths }: DnsContext, records: Records): Map<string, readonly Damage[]> {
  const damage = new Map<string, readonly Damage[]>();
  for (const owner of new Set(records.networks.map(ownerOf))) {
    for (const { kind, bridges } of zoneOf(owner, records).servers) {
      if (findServer(dnsDir(paths, owner), kind) !== undefined) continue;
      for (const { name, bridge } of records.networks) {
        if (bridges.includes(bridge)) damage.set(name, [{ kind: 'dns', what: `the name server of network ${name}` }]);
      }
    }
  }
  return damage;
}
