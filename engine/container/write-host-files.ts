/** /etc/hosts, /etc/hostname and /etc/resolv.conf of a container: written in place, since running containers have them mounted. */
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { linkLines, nameServers } from '../dns/index.ts';
import type { Records } from '../network/index.ts';
import { readText } from '../state/files.ts';
import { containerDir, containerRun, type Paths } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { type HostNames, hostnameOf, hostsText, mergedLines, resolvText } from './host-files.ts';

/** `start`: as they are for a container that begins anew. `change`: for one that runs, which may have edited them. */
export type Occasion = 'start' | 'change';

export function writeHostFiles(
  paths: Paths,
  record: ContainerRecord,
  records: Records,
  { host, occasion }: { readonly host: HostNames; readonly occasion: Occasion },
): void {
  const { id, madeFrom: container, endpoints } = record;
  // On the disk, beside what else the container may fill: RUN is memory, and the host's.
  const folder = containerDir(paths, id);
  const gateway =
    records.networks.find((network) => network.name === endpoints[0]?.network)?.subnets[0]?.gateway ?? '127.0.0.1';
  const links = container.links.length === 0 ? [] : linkLines(record, records.containers);
  const hostname = hostnameOf(container, id, host);
  const hosts =
    hostsText(container, hostname, endpoints, { gateway, host, ipv6: existsSync('/proc/net/if_inet6') }) +
    links.map((line) => `${line}\n`).join('');
  const servers = nameServers(record, records);
  const resolv = resolvText(container.dns, { servers, host: host.resolvConf });
  // What was written last is kept beside: by it is told what the container has changed itself.
  const ours = (name: string) => join(containerRun(paths, id), `${name}.ours`);
  const known = (name: string) => (occasion === 'start' ? undefined : readText(ours(name)));
  write(join(folder, 'hosts'), withAdditions(join(folder, 'hosts'), known('hosts'), hosts));
  write(join(folder, 'hostname'), `${hostname}\n`);
  // One that it has made its own stays (Docker's rule): a resolver may have put itself there.
  const before = known('resolv.conf');
  if (before === undefined || before === readText(join(folder, 'resolv.conf')))
    write(join(folder, 'resolv.conf'), resolv);
  writeFileSync(ours('hosts'), hosts);
  writeFileSync(ours('resolv.conf'), resolv);
}

/** Lines that the container has added stay, those that it has removed come back only if they are new. */
function withAdditions(path: string, known: string | undefined, wanted: string): string {
  const current = known === undefined ? undefined : readText(path);
  return known === undefined || current === undefined ? wanted : mergedLines(current, known, wanted);
}

/** Everybody in the container reads them, whatever our umask is. */
function write(path: string, text: string): void {
  const isNew = !existsSync(path);
  writeFileSync(path, text);
  if (isNew) chmodSync(path, 0o644);
}

/** Containers that link to one of `moved`: its address may be new. */
export function rewriteLinks(paths: Paths, moved: readonly ContainerRecord[], records: Records, host: HostNames): void {
  const names = new Set(moved.map((record) => record.name));
  for (const record of records.containers) {
    if (names.has(record.name) || !record.madeFrom.links.some((link) => names.has(link.container))) continue;
    // Whoever does not run gets them with its next start.
    if (!existsSync(containerRun(paths, record.id))) continue;
    writeHostFiles(paths, record, records, { host, occasion: 'change' });
  }
}
