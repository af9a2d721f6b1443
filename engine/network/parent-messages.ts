/** Requests to the kernel's routing socket (rtnetlink(7)) for links upon a parent, and for parents that are made. */
import { macBytes } from './addresses.ts';
import { type Attribute, encode, text, u16, u32 } from './netlink-wire.ts';
import { CREATE, IFLA, linkHeader, RTM } from './rtnetlink.ts';

// linux/if_link.h
const INFO = { KIND: 1, DATA: 2 } as const;
const MACVLAN = { MODE: 1 } as const;
const IPVLAN = { MODE: 1, FLAGS: 2 } as const;
const VLAN_ID = 1;

const link = (kind: string, index: number, attributes: readonly Attribute[], data: readonly Attribute[]): Uint8Array =>
  encode({
    type: RTM.NEWLINK,
    flags: CREATE,
    fixed: linkHeader(index),
    attributes: [
      ...attributes,
      {
        type: IFLA.LINKINFO,
        value: [{ type: INFO.KIND, value: text(kind) }, ...(data.length > 0 ? [{ type: INFO.DATA, value: data }] : [])],
      },
    ],
  });

export interface ChildLink {
  readonly kind: 'macvlan' | 'ipvlan';
  readonly modeNumber: number;
  readonly flagNumber: number;
  /** Index on the host. */
  readonly parent: number;
  readonly name: string;
  /** In its namespace; 0: as the kernel likes. */
  readonly index: number;
  /** A descriptor of the sending process: the link comes into being there. */
  readonly namespaceFd: number;
  /** Absent: the kernel chooses, or has no choice. */
  readonly mac?: string;
  /** 0: as the parent has it. */
  readonly mtu: number;
}

/** Sent on the host: there the kernel looks for the parent. */
export const newChild = ({ kind, modeNumber, flagNumber, ...child }: ChildLink): Uint8Array =>
  link(
    kind,
    child.index,
    [
      { type: IFLA.LINK, value: u32(child.parent) },
      { type: IFLA.IFNAME, value: text(child.name) },
      { type: IFLA.NET_NS_FD, value: u32(child.namespaceFd) },
      ...(child.mac ? [{ type: IFLA.ADDRESS, value: macBytes(child.mac) }] : []),
      ...(child.mtu > 0 ? [{ type: IFLA.MTU, value: u32(child.mtu) }] : []),
    ],
    kind === 'macvlan'
      ? [{ type: MACVLAN.MODE, value: u32(modeNumber) }]
      : [
          { type: IPVLAN.MODE, value: u16(modeNumber) },
          { type: IPVLAN.FLAGS, value: u16(flagNumber) },
        ],
  );

/** IEEE 802.1Q. `base`: index on the host. */
export const newVlan = (vlan: {
  name: string;
  index?: number;
  base: number;
  id: number;
  namespaceFd?: number;
}): Uint8Array =>
  link(
    'vlan',
    vlan.index ?? 0,
    [
      { type: IFLA.LINK, value: u32(vlan.base) },
      { type: IFLA.IFNAME, value: text(vlan.name) },
      ...(vlan.namespaceFd === undefined ? [] : [{ type: IFLA.NET_NS_FD, value: u32(vlan.namespaceFd) }]),
    ],
    [{ type: VLAN_ID, value: u16(vlan.id) }],
  );

/** What is sent there is gone. */
export const newDummy = (name: string, index = 0): Uint8Array =>
  link('dummy', index, [{ type: IFLA.IFNAME, value: text(name) }], []);
