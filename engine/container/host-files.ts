/** The texts of /etc/hosts, /etc/hostname and /etc/resolv.conf as a container sees them. */
import type { DesiredContainer } from '../../src/model/desired.ts';
import type { ContainerRecord, EndpointRecord } from '../state/records.ts';

/** What containers without a network of their own take over from the host. */
export interface HostNames {
  readonly hostname: string;
  /** The texts of the host's own files. */
  readonly hosts: string;
  readonly resolvConf: string;
}

/** Short ids are host names, as Docker has it; with the host's network it is the host's name. */
export function hostnameOf(
  { hostname, networkMode }: DesiredContainer,
  id: string,
  host: Pick<HostNames, 'hostname'>,
): string {
  return hostname ?? (networkMode.kind === 'host' ? host.hostname : id.slice(0, 12));
}

/**
 * Every network of it gives one line: its own name must resolve without a name server. `ipv6`: the kernel has it. Then `::1` is
 * localhost, as with Docker, on whatever networks the container is.
 */
export function hostsText(
  container: DesiredContainer,
  hostname: string,
  endpoints: readonly EndpointRecord[],
  { gateway, host, ipv6 = true }: { readonly gateway: string; readonly host: HostNames; readonly ipv6?: boolean },
): string {
  if (container.networkMode.kind === 'host') return host.hosts + extraLines(container, gateway);
  const names = ownNames(hostname, container.domainname);
  const lines = ['127.0.0.1\tlocalhost'];
  if (ipv6 && hasIpv6Loopback(container)) {
    lines.push('::1\tlocalhost ip6-localhost ip6-loopback', 'fe00::\tip6-localnet', 'ff00::\tip6-mcastprefix');
    lines.push('ff02::1\tip6-allnodes', 'ff02::2\tip6-allrouters');
  }
  const own: string[] = [];
  for (const endpoint of endpoints) {
    for (const address of [endpoint.ipv4?.address, endpoint.ipv6?.address]) {
      if (address !== undefined) own.push(`${address}\t${names}`);
    }
  }
  return `${lines.join('\n')}\n${extraLines(container, gateway)}${own.map((line) => `${line}\n`).join('')}`;
}

/** Its loopback has ::1, unless the file turns that off. */
const hasIpv6Loopback = ({ sysctls }: DesiredContainer): boolean =>
  !['all', 'lo'].some((name) => sysctls[`net.ipv6.conf.${name}.disable_ipv6`] === '1');

/** The full name, and its first label where there are more, however `hostname` and `domainname` share them (as libnetwork). */
function ownNames(hostname: string, domainname: string | undefined): string {
  const full = domainname === undefined ? hostname : `${hostname}.${domainname}`;
  const dot = full.indexOf('.');
  return dot < 1 ? full : `${full}\t${full.slice(0, dot)}`;
}

const extraLines = ({ extraHosts }: DesiredContainer, gateway: string): string =>
  extraHosts.map(({ host, address }) => `${address === 'host-gateway' ? gateway : address}\t${host}\n`).join('');

/** `current`, in which everything that was `known` and is not `wanted` any more is gone, and what is wanted newly is added. */
export function mergedLines(current: string, known: string, wanted: string): string {
  if (current === known) return wanted;
  const lines = (text: string) => text.split('\n').filter((line) => line !== '');
  const [before, after] = [new Set(lines(known)), new Set(lines(wanted))];
  const kept = lines(current).filter((line) => !before.has(line) || after.has(line));
  const added = [...after].filter((line) => !before.has(line) && !kept.includes(line));
  return [...kept, ...added].map((line) => `${line}\n`).join('');
}

export interface ResolverFacts {
  /** Of the networks' own name server; empty: this container has none, and asks whom the host asks. */
  readonly servers: readonly string[];
  /** The text of the host's own file. */
  readonly host: string;
}

/** With a name server of ours, single names are the usual case: `ndots:0` keeps them from being tried with every search domain first. */
export function resolvText(dns: DesiredContainer['dns'], { servers, host }: ResolverFacts): string {
  const own = servers.length > 0;
  const asked = own
    ? servers
    : dns.servers.length > 0
      ? dns.servers
      : wordsAfter(host, 'nameserver').filter((server) => !/^127\.|^::1$/.test(server));
  const search = dns.search.length > 0 ? dns.search.filter((domain) => domain !== '.') : lastWords(host, 'search');
  const options = [...(dns.options.length > 0 ? dns.options : lastWords(host, 'options'))];
  if (own && !options.some((option) => option.startsWith('ndots:'))) options.push('ndots:0');
  return [
    ...asked.map((server) => `nameserver ${server}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');
}

const wordsAfter = (text: string, key: string): readonly string[] =>
  text.split('\n').flatMap((line) => {
    const [first, ...rest] = line.trim().split(/\s+/);
    return first === key ? rest.slice(0, 1) : [];
  });

/** resolv.conf(5): of several such lines, the last one counts. */
const lastWords = (text: string, key: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .findLast(([first]) => first === key)
    ?.slice(1) ?? [];

/** The container whose names this one has: the donor of its network, or itself. Undefined: the donor is gone. */
export function namedAs(record: ContainerRecord, containers: readonly ContainerRecord[]): ContainerRecord | undefined {
  const { networkMode } = record.madeFrom;
  return networkMode.kind === 'container' ? containers.find(({ name }) => name === networkMode.container) : record;
}
