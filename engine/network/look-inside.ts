/** What of a running container's interfaces is not as it was made: down, without its address, without the way out. Read from /proc, without a program. */
import { readFileSync } from 'node:fs';
import type { ContainerRecord, EndpointRecord, NetworkRecord } from '../state/records.ts';
import { addressBytes, isIpv6 } from './addresses.ts';
import { mainEndpoint } from './main-endpoint.ts';

/** The tables of one network namespace. `undefined`: its process has just ended, or the kernel has none of that family. */
interface Tables {
  /** Interfaces that some IPv4 route leads by: one that is down has none. */
  readonly used: ReadonlySet<string> | undefined;
  readonly ipv4: ReadonlySet<string> | undefined;
  /** `interface address`, the latter as 32 hexadecimal digits. */
  readonly ipv6: ReadonlySet<string> | undefined;
  /** Families that have a default route, or one to half of everything, as VPNs make them. */
  readonly leads: { readonly 4: boolean; readonly 6: boolean };
}

export interface Wound {
  /** Absent: the way out. */
  readonly endpoint?: EndpointRecord;
  /** Completes the sentence "… is gone". */
  readonly what: string;
}

/**
 * `pid`: of a process in the container's network namespace. `routes`: whether the way out is looked for; who may change routes
 * (`mayRoute`) has its own reasons.
 */
export function woundsOf(
  container: ContainerRecord,
  networks: ReadonlyMap<string, NetworkRecord>,
  { pid, routes }: { readonly pid: number; readonly routes: boolean },
): readonly Wound[] {
  if (container.endpoints.length === 0) return [];
  const tables = readTables(
    pid,
    container.endpoints.some(({ ipv6 }) => ipv6),
  );
  const wounds = container.endpoints.flatMap((endpoint) => woundOf(endpoint, tables));
  if (wounds.length > 0 || !routes) return wounds;
  return ([4, 6] as const).flatMap((family): readonly Wound[] => {
    const network = mainEndpoint(container, networks, family)?.network;
    const isDue = networks.get(network ?? '')?.subnets.some(({ subnet }) => isIpv6(subnet) === (family === 6));
    if (!isDue || tables.leads[family] || (family === 4 ? tables.used : tables.ipv6) === undefined) return [];
    return [{ what: `the IPv${family} default route of ${container.name}` }];
  });
}

function woundOf(endpoint: EndpointRecord, { used, ipv4, ipv6 }: Tables): readonly Wound[] {
  const { interfaceName, network } = endpoint;
  const lost = (what: string): readonly Wound[] => [{ endpoint, what: `${what} on network ${network}` }];
  if (endpoint.ipv4 && ipv4 && !ipv4.has(endpoint.ipv4.address)) return lost(`the address ${endpoint.ipv4.address}`);
  if (endpoint.ipv6 && ipv6 && !ipv6.has(`${interfaceName} ${digits(endpoint.ipv6.address)}`))
    return lost(`the address ${endpoint.ipv6.address}`);
  if (endpoint.ipv4 && endpoint.ipv4.prefix < 32 && used && !used.has(interfaceName))
    return lost(`the interface ${interfaceName}, being down,`);
  return [];
}

/** It, or somebody in its namespace, may change routes: what is there is what was wanted. */
export const mayRoute = ({ name }: ContainerRecord, containers: readonly ContainerRecord[]): boolean =>
  containers.some(({ name: own, madeFrom: { networkMode, security } }) => {
    const isThere = own === name || (networkMode.kind === 'container' && networkMode.container === name);
    return isThere && (security.privileged || security.capAdd.some((one) => /^(ALL|(CAP_)?NET_ADMIN)$/i.test(one)));
  });

function readTables(pid: number, hasIpv6: boolean): Tables {
  const read = (name: string) => linesOf(`/proc/${pid}/net/${name}`);
  const routes4 = read('route')?.map((line) => line.split(/\s+/));
  const routes6 = hasIpv6 ? read('ipv6_route')?.map((line) => line.trim().split(/\s+/)) : undefined;
  return {
    used: routes4 && new Set(routes4.flatMap(([device]) => device ?? [])),
    ipv4: localAddresses(read('fib_trie')),
    ipv6: hasIpv6
      ? setOf(
          read('if_inet6')?.map((line) => line.trim().split(/\s+/)),
          (one) => `${one.at(-1)} ${one[0]}`,
        )
      : undefined,
    leads: {
      4:
        routes4?.some(([, to, , , , , , mask]) => to === '00000000' && Number.parseInt(mask ?? 'f', 16) <= 0x80) ??
        false,
      6: routes6?.some(([to, length, ...rest]) => isWide(to, length) && rest.at(-1) !== 'lo') ?? false,
    },
  };
}

/** `::/0`, `::/1`, and `2000::/3`, which is all that is given out (RFC 4291 2.5.4). */
const isWide = (to = '', length = ''): boolean =>
  (/^0{32}$/.test(to) && Number.parseInt(length, 16) <= 1) || (to.startsWith('2000') && length === '03');

/** Of fib_trie: an address, and in the line behind it what it is. */
const localAddresses = (lines: readonly string[] | undefined): ReadonlySet<string> | undefined =>
  lines &&
  new Set(lines.flatMap((line, i) => (lines[i + 1]?.includes('/32 host LOCAL') ? line.replace(/^[\s|]*-- /, '') : [])));

const digits = (address: string): string => Buffer.from(addressBytes(address)).toString('hex');

const setOf = <T>(all: readonly T[] | undefined, key: (one: T) => string): ReadonlySet<string> | undefined =>
  all && new Set(all.map(key));

function linesOf(path: string): readonly string[] | undefined {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return undefined;
  }
}
