/** What the kernel says of the host's links, addresses, routes and firewall. */
import { readFileSync } from 'node:fs';
import { TcomposeError } from '../../src/model/errors.ts';
import { findAddress, findPrefix, type Prefix } from './addresses.ts';
import { type Runner, runProgram } from './programs.ts';

export interface LinkFact {
  readonly index: number;
  readonly isUp: boolean;
  readonly mtu: number;
  readonly master?: string;
  /** `address/prefix` */
  readonly addresses: readonly string[];
}

export interface NetworkFacts {
  readonly links: ReadonlyMap<string, LinkFact>;
  readonly firewall: FirewallFacts;
  readonly forwarding: { readonly ipv4: boolean; readonly ipv6: boolean };
}

/** iptables-save and ip6tables-save; '' where it was not read. */
export interface FirewallFacts {
  readonly ipv4: string;
  readonly ipv6: string;
}

interface IpLink {
  readonly ifindex: number;
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly master?: string;
  readonly addr_info: readonly { readonly local?: string; readonly prefixlen?: number }[];
}

export const FORWARDING = { 4: '/proc/sys/net/ipv4/ip_forward', 6: '/proc/sys/net/ipv6/conf/all/forwarding' } as const;

export function isForwarding(family: 4 | 6): boolean {
  try {
    return readFileSync(FORWARDING[family], 'utf8').trim() === '1';
  } catch {
    return false;
  }
}

/** `program`: who runs the host's programs. */
export interface Reading {
  /** Of the firewall: that of IPv6, too. */
  readonly ipv6?: boolean;
  readonly program?: Runner;
}

/** Links and addresses of the host's namespace and the firewall, read in parallel. */
export async function readNetworkFacts(options: Reading = {}): Promise<NetworkFacts> {
  const [links, firewall] = await Promise.all([readLinks(options.program), readFirewall(options)]);
  return { links, firewall, forwarding: { ipv4: isForwarding(4), ipv6: isForwarding(6) } };
}

export async function readLinks(program?: Runner): Promise<Map<string, LinkFact>> {
  const found = (await readIp(['address', 'show'], program)) as readonly IpLink[];
  return new Map(found.map((link) => [link.ifname, linkFact(link)]));
}

/** `ip address` does not tell them. */
export async function readAliases(program?: Runner): Promise<Map<string, string>> {
  const found = (await readIp(['link', 'show', 'type', 'bridge'], program)) as readonly {
    ifname?: string;
    ifalias?: string;
  }[];
  return new Map(found.flatMap(({ ifname, ifalias }) => (ifname && ifalias ? [[ifname, ifalias]] : [])));
}

/** Names alone, without a program: proc_net_dev in the namespace of this process, or of another one. Empty: it has just ended. */
export const linkNames = (pid?: number): readonly string[] =>
  (pid === undefined ? readFileSync('/proc/net/dev', 'utf8') : devicesOf(pid))
    .split('\n')
    .flatMap((line) => /^\s*([^\s|:]+):/.exec(line)?.[1] ?? []);

function devicesOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/net/dev`, 'utf8');
  } catch {
    return '';
  }
}

const linkFact = ({ ifindex, flags, mtu, master, addr_info }: IpLink): LinkFact => ({
  index: ifindex,
  isUp: flags.includes('UP'),
  mtu,
  ...(master !== undefined && { master }),
  addresses: addr_info.flatMap(({ local, prefixlen }) => (local === undefined ? [] : [`${local}/${prefixlen}`])),
});

/** Needs root: others see no rules, and no error that could be told from a missing table. */
export async function readFirewall({ ipv6 = false, program }: Reading = {}): Promise<FirewallFacts> {
  const [four, six] = await Promise.all([
    saved('iptables-save', program),
    ipv6 ? saved('ip6tables-save', program) : '',
  ]);
  return { ipv4: four, ipv6: six };
}

async function saved(program: string, run: Runner = runProgram): Promise<string> {
  const { status, output, errors } = await run(program, []);
  if (status === 0) return output;
  throw new TcomposeError(`the firewall cannot be read: ${errors.trim().split('\n')[0]}`, {
    code: 'firewall-unreadable',
    help: `see what it says:\n    ${program}`,
  });
}

/** `device`: by which it leads there; absent for routes that lead nowhere. */
export type Route = Prefix & { readonly device?: string };

export interface RouteFacts {
  /** All that some routing table leads somewhere, the default routes apart. */
  readonly prefixes: readonly Route[];
  readonly defaultDevice?: string;
}

/** Every table: those who keep routes in one of their own (VPNs do) want them as much. */
export async function readRoutes(ipv6: boolean, program?: Runner): Promise<RouteFacts> {
  type IpRoute = { dst: string; dev?: string; metric?: number; table?: string };
  const [four, six] = await Promise.all([
    readIp(['-4', 'route', 'show', 'table', 'all'], program),
    ipv6 ? readIp(['-6', 'route', 'show', 'table', 'all'], program) : [],
  ]);
  const routes = [...(four as IpRoute[]), ...(six as IpRoute[])];
  const defaults = (four as IpRoute[]).filter(({ dst, table }) => dst === 'default' && table === undefined);
  const defaultDevice = defaults.sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0))[0]?.dev;
  return {
    prefixes: routes.flatMap(({ dst, dev }): readonly Route[] => {
      const prefix = toPrefix(dst);
      return prefix === undefined || prefix.length === 0
        ? []
        : [{ ...prefix, ...(dev !== undefined && { device: dev }) }];
    }),
    ...(defaultDevice !== undefined && { defaultDevice }),
  };
}

function toPrefix(text: string): Prefix | undefined {
  if (text.includes('/')) return findPrefix(text);
  const address = findAddress(text);
  return address && { ...address, length: address.family === 4 ? 32 : 128 };
}

async function readIp(args: readonly string[], run: Runner = runProgram): Promise<readonly unknown[]> {
  const { status, output, errors } = await run('ip', ['-json', ...args]);
  // A kernel without IPv6 has no such tables.
  if (args[0] === '-6' && status !== 0) return [];
  if (status !== 0) {
    throw new TcomposeError(`the links of this host cannot be read: ${errors.trim().split('\n')[0]}`, {
      code: 'links-unreadable',
      help: `see what it says:\n    ip ${args.join(' ')}`,
    });
  }
  return output.trim() === '' ? [] : (JSON.parse(output) as readonly unknown[]);
}
