/** Requests to the kernel's routing socket (rtnetlink(7)) for links, addresses and routes: what `ip` would send, as bytes. */
import { addressBytes, isIpv6, macBytes } from './addresses.ts';
import { type Attribute, encode, struct, text, u8, u32 } from './netlink-wire.ts';

// linux/rtnetlink.h, linux/if_link.h, linux/netlink.h
export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  SETLINK: 19,
  NEWADDR: 20,
  DELADDR: 21,
  NEWROUTE: 24,
  DELROUTE: 25,
  NEWNEIGH: 28,
} as const;
const NLM_F = { REQUEST: 1, ACK: 4, REPLACE: 0x100, EXCL: 0x200, CREATE: 0x400 } as const;
export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  LINKINFO: 18,
  IFALIAS: 20,
  AF_SPEC: 26,
  GROUP: 27,
  NET_NS_FD: 28,
} as const;
const IFLA_INFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4, SLAVE_DATA: 5 } as const;
const VETH_INFO_PEER = 1;
const IFLA_BRPORT = { MODE: 4, FLUSH: 24, ISOLATED: 33 } as const;
const INET6_ADDR_GEN_MODE = 8;
const ADDR_GEN_MODE_NONE = 1;
const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, FLAGS: 8 } as const;
const IFA_F_NODAD = 2;
const RTA = { DESTINATION: 1, OIF: 4, GATEWAY: 5 } as const;
const NDA = { DESTINATION: 1, HARDWARE_ADDRESS: 2 } as const;
const TABLE = { MAIN: 254, LOCAL: 255 } as const;
const AF = { UNSPEC: 0, INET: 2, INET6: 10 } as const;
const IFF_UP = 1;

const REQUEST = NLM_F.REQUEST | NLM_F.ACK;
export const CREATE = REQUEST | NLM_F.CREATE | NLM_F.EXCL;

/** struct ifinfomsg. `change` says which flags count. */
export const linkHeader = (index: number, flags = 0, change = 0): Uint8Array =>
  struct([1, AF.UNSPEC], [1, 0], [2, 0], [4, index], [4, flags], [4, change]);

export interface Bridge {
  readonly name: string;
  /** Chosen by us, so that programs made beforehand can name it. */
  readonly index: number;
  readonly mac: string;
  readonly mtu: number;
  /** Links of one group are deleted by one message, in one go. */
  readonly group: number;
}

export const newBridge = ({ name, index, mac, mtu, group }: Bridge): Uint8Array =>
  encode({
    type: RTM.NEWLINK,
    flags: CREATE,
    fixed: linkHeader(index),
    attributes: [
      { type: IFLA.IFNAME, value: text(name) },
      { type: IFLA.ADDRESS, value: macBytes(mac) },
      { type: IFLA.MTU, value: u32(mtu) },
      { type: IFLA.GROUP, value: u32(group) },
      { type: IFLA.LINKINFO, value: [{ type: IFLA_INFO.KIND, value: text('bridge') }] },
    ],
  });

export interface VethPair {
  readonly inside: { readonly name: string; readonly index: number; readonly mac: string };
  /** `namespaceFd`: a descriptor of the sending process. */
  readonly host: { readonly name: string; readonly namespaceFd: number; readonly group: number };
  readonly mtu: number;
}

/**
 * Sent from *inside* the container's namespace: the kernel takes an index from the side that is asked for (veth_newlink takes one for
 * the peer only together with one for that side), and the index inside is the one that addresses must name before anybody could ask.
 */
export const newVethPair = ({ inside, host, mtu }: VethPair): Uint8Array =>
  encode({
    type: RTM.NEWLINK,
    flags: CREATE,
    fixed: linkHeader(inside.index),
    attributes: [
      { type: IFLA.IFNAME, value: text(inside.name) },
      { type: IFLA.ADDRESS, value: macBytes(inside.mac) },
      { type: IFLA.MTU, value: u32(mtu) },
      {
        type: IFLA.LINKINFO,
        value: [
          { type: IFLA_INFO.KIND, value: text('veth') },
          { type: IFLA_INFO.DATA, value: [{ type: VETH_INFO_PEER, value: peer(host, mtu) }] },
        ],
      },
    ],
  });

/** An attribute whose value is again a fixed part with attributes: what `encode` makes, without its header. */
const peer = (host: VethPair['host'], mtu: number): Uint8Array =>
  encode({
    type: 0,
    flags: 0,
    fixed: linkHeader(0),
    attributes: [
      { type: IFLA.IFNAME, value: text(host.name) },
      { type: IFLA.MTU, value: u32(mtu) },
      { type: IFLA.GROUP, value: u32(host.group) },
      { type: IFLA.NET_NS_FD, value: u32(host.namespaceFd) },
    ],
  }).subarray(16);

export interface LinkChange {
  readonly link: number | string;
  readonly up?: boolean;
  readonly master?: number;
  readonly alias?: string;
  readonly mtu?: number;
  readonly mac?: string;
  readonly group?: number;
  /** No link-local IPv6 address is made for it. */
  readonly withoutIpv6?: boolean;
}

export function setLink({ link, up, master, alias, mtu, mac, group, withoutIpv6 }: LinkChange): Uint8Array {
  const attributes: Attribute[] = [];
  if (typeof link === 'string') attributes.push({ type: IFLA.IFNAME, value: text(link) });
  if (mac !== undefined) attributes.push({ type: IFLA.ADDRESS, value: macBytes(mac) });
  if (mtu !== undefined) attributes.push({ type: IFLA.MTU, value: u32(mtu) });
  if (master !== undefined) attributes.push({ type: IFLA.MASTER, value: u32(master) });
  if (alias !== undefined) attributes.push({ type: IFLA.IFALIAS, value: Buffer.from(alias) });
  if (group !== undefined) attributes.push({ type: IFLA.GROUP, value: u32(group) });
  if (withoutIpv6) {
    const mode = { type: INET6_ADDR_GEN_MODE, value: u8(ADDR_GEN_MODE_NONE) };
    attributes.push({ type: IFLA.AF_SPEC, value: [{ type: AF.INET6, value: [mode] }] });
  }
  const index = typeof link === 'number' ? link : 0;
  const fixed = up === undefined ? linkHeader(index) : linkHeader(index, up ? IFF_UP : 0, IFF_UP);
  return encode({ type: RTM.SETLINK, flags: REQUEST, fixed, attributes });
}

/**
 * `hairpin`: frames may leave by the port they came in. `isolated`: none to other isolated ports (Linux 4.18). `forget`: the hardware
 * addresses that were learned there.
 */
export function setBridgePort(
  name: string,
  port: { hairpin?: boolean; isolated?: boolean; forget?: true },
): Uint8Array {
  const data: Attribute[] = [];
  if (port.hairpin !== undefined) data.push({ type: IFLA_BRPORT.MODE, value: u8(port.hairpin ? 1 : 0) });
  if (port.forget) data.push({ type: IFLA_BRPORT.FLUSH, value: new Uint8Array() });
  if (port.isolated !== undefined) data.push({ type: IFLA_BRPORT.ISOLATED, value: u8(port.isolated ? 1 : 0) });
  return encode({
    // Not SETLINK: only NEWLINK of something that exists looks at what belongs to its master (linux/net/core/rtnetlink.c).
    type: RTM.NEWLINK,
    flags: REQUEST,
    fixed: linkHeader(0),
    attributes: [
      { type: IFLA.IFNAME, value: text(name) },
      {
        type: IFLA.LINKINFO,
        value: [
          { type: IFLA_INFO.SLAVE_KIND, value: text('bridge') },
          { type: IFLA_INFO.SLAVE_DATA, value: data },
        ],
      },
    ],
  });
}

export const deleteLink = (name: string): Uint8Array =>
  encode({
    type: RTM.DELLINK,
    flags: REQUEST,
    fixed: linkHeader(0),
    attributes: [{ type: IFLA.IFNAME, value: text(name) }],
  });

/** All links of a group at once: the kernel waits for its readers once, not once a link. */
export const deleteGroup = (group: number): Uint8Array =>
  encode({
    type: RTM.DELLINK,
    flags: REQUEST,
    fixed: linkHeader(0),
    attributes: [{ type: IFLA.GROUP, value: u32(group) }],
  });

/** IPv6 without duplicate address detection: the addresses are ours to give, and usable at once. */
export function newAddress(index: number, address: string, prefix: number): Uint8Array {
  const bytes = addressBytes(address);
  const attributes: Attribute[] = [
    { type: IFA.LOCAL, value: bytes },
    { type: IFA.ADDRESS, value: bytes },
  ];
  if (isIpv6(address)) attributes.push({ type: IFA.FLAGS, value: u32(IFA_F_NODAD) });
  else if (prefix < 31) attributes.push({ type: IFA.BROADCAST, value: broadcast(bytes, prefix) });
  // struct ifaddrmsg: family, prefix length, flags, scope, index
  const fixed = struct([1, isIpv6(address) ? AF.INET6 : AF.INET], [1, prefix], [1, 0], [1, 0], [4, index]);
  return encode({ type: RTM.NEWADDR, flags: REQUEST | NLM_F.CREATE | NLM_F.REPLACE, fixed, attributes });
}

export function deleteAddress(index: number, address: string, prefix: number): Uint8Array {
  const fixed = struct([1, isIpv6(address) ? AF.INET6 : AF.INET], [1, prefix], [1, 0], [1, 0], [4, index]);
  const attributes = [{ type: IFA.LOCAL, value: addressBytes(address) }];
  return encode({ type: RTM.DELADDR, flags: REQUEST, fixed, attributes });
}

/** In place of another one. */
export const newDefaultRoute = (gateway: string, index: number): Uint8Array =>
  newRoute({ gateway, table: TABLE.MAIN, prefix: 0, more: [{ type: RTA.OIF, value: u32(index) }] });

/** In place of another one: by that interface, with nobody to ask on the way. */
export const newDefaultRouteBy = (index: number, family: 4 | 6): Uint8Array =>
  newRoute({ family, table: TABLE.MAIN, prefix: 0, more: [{ type: RTA.OIF, value: u32(index) }] });

/** To one address, looked up before all others, also where it would be one of the machine's own. */
export const newLocalRoute = (address: string, gateway: string): Uint8Array => {
  const destination = addressBytes(address);
  const more = [{ type: RTA.DESTINATION, value: destination }];
  return newRoute({ gateway, table: TABLE.LOCAL, prefix: destination.length * 8, more });
};

/** What the one above has made, whatever gateway it has. */
export function deleteLocalRoute(address: string): Uint8Array {
  const destination = addressBytes(address);
  const more = [{ type: RTA.DESTINATION, value: destination }];
  const family = isIpv6(address) ? 6 : 4;
  return newRoute({ family, table: TABLE.LOCAL, prefix: destination.length * 8, more }, RTM.DELROUTE, REQUEST);
}

interface Route {
  /** Absent: `family` says it. */
  readonly gateway?: string;
  readonly family?: 4 | 6;
  readonly table: number;
  readonly prefix: number;
  readonly more: readonly Attribute[];
}

function newRoute(
  { gateway, family = gateway !== undefined && isIpv6(gateway) ? 6 : 4, table, prefix, more }: Route,
  type: number = RTM.NEWROUTE,
  flags: number = REQUEST | NLM_F.CREATE | NLM_F.REPLACE,
): Uint8Array {
  const [bootProtocol, universe, onLink, unicast] = [3, 0, 253, 1];
  const isRemoval = type === RTM.DELROUTE;
  const scope = gateway === undefined && !isRemoval ? onLink : universe;
  const version = family === 6 ? AF.INET6 : AF.INET;
  // struct rtmsg: family, destination and source prefix, type of service, table, protocol, scope, type, flags
  const route = [version, prefix, 0, 0, table, isRemoval ? 0 : bootProtocol, scope, unicast];
  const fixed = struct(...route.map((value) => [1, value] as const), [4, 0]);
  const via = gateway === undefined ? [] : [{ type: RTA.GATEWAY, value: addressBytes(gateway) }];
  return encode({ type, flags, fixed, attributes: [...via, ...more] });
}

/** An entry that stays (arp(7)): nobody is asked, and the kernel's limit of entries, one for all namespaces, does not count it. */
export function newNeighbour(index: number, address: string, mac: string): Uint8Array {
  const [permanent, noFlags, unicast] = [0x80, 0, 1];
  // struct ndmsg: family, padding, index, state, flags, type
  const fixed = struct(
    ...([
      [1, isIpv6(address) ? AF.INET6 : AF.INET],
      [1, 0],
      [2, 0],
      [4, index],
    ] as const),
    ...([
      [2, permanent],
      [1, noFlags],
      [1, unicast],
    ] as const),
  );
  const attributes = [
    { type: NDA.DESTINATION, value: addressBytes(address) },
    { type: NDA.HARDWARE_ADDRESS, value: macBytes(mac) },
  ];
  return encode({ type: RTM.NEWNEIGH, flags: REQUEST | NLM_F.CREATE | NLM_F.REPLACE, fixed, attributes });
}

const broadcast = (address: Uint8Array, prefix: number): Uint8Array =>
  address.map((byte, i) => byte | (0xff >> Math.min(8, Math.max(0, prefix - i * 8))));
