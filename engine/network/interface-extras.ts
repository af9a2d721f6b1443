/** What an attachment asks of its interface besides an address of the network: link-local addresses, and settings of the kernel's. */
import type { DesiredAttachment } from '../../src/model/desired.ts';
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import { contains, findAddress, findPrefix, isIpv6 } from './addresses.ts';
import { request } from './bridge.ts';
import { newAddress } from './rtnetlink.ts';

type Extras = Pick<DesiredAttachment, 'linkLocalIps' | 'sysctls'>;

/** RFC 3927 2.1, RFC 4291 2.5.6. */
const LINK_LOCAL = { 4: findPrefix('169.254.0.0/16')!, 6: findPrefix('fe80::/10')! };
const LENGTH = { 4: 16, 6: 64 };

/** As Docker takes them: only settings of the interface itself, which is called IFNAME in them. */
const SYSCTL = /^net\.(ipv4|ipv6|mpls)\.(conf|neigh)\.IFNAME\.([a-z0-9_]+)$/;

/** What of it cannot be, to follow "asks for"; undefined: all can. */
export function extrasProblem(
  { linkLocalIps = [], sysctls = {} }: Extras,
  hasIpv6: boolean,
): readonly [what: string, help: string] | undefined {
  for (const text of linkLocalIps) {
    const address = findAddress(text);
    if (address === undefined || !contains(LINK_LOCAL[address.family], address))
      return [`the link-local address ${text}, which is none`, 'choose one of 169.254.0.0/16 or fe80::/10'];
    if (address.family === 6 && !hasIpv6)
      return [`the link-local address ${text} on a network without IPv6`, 'give the network enable_ipv6: true'];
  }
  for (const [key, value] of Object.entries(sysctls)) {
    if (!SYSCTL.test(key) || !/^-?[\w. -]{0,64}$/.test(value))
      return [
        `the setting ${key}=${value} of an interface`,
        'write com.docker.network.endpoint.sysctls: net.ipv4.conf.IFNAME.NAME=VALUE[,…]',
      ];
  }
  return undefined;
}

export const linkLocalOps = ({ linkLocalIps = [] }: Extras, inside: Slot, index: number): readonly LaunchOp[] =>
  linkLocalIps.map((address) => request(inside, newAddress(index, address, LENGTH[isIpv6(address) ? 6 : 4])));

/** In the container's network namespace, the interface there. */
export const sysctlOps = ({ sysctls = {} }: Extras, interfaceName: string): readonly LaunchOp[] =>
  Object.entries(sysctls).flatMap(([key, data]): readonly LaunchOp[] => {
    const [, family, kind, name] = SYSCTL.exec(key) ?? [];
    return name === undefined
      ? []
      : [{ op: 'write', path: `/proc/sys/net/${family}/${kind}/${interfaceName}/${name}`, data }];
  });
