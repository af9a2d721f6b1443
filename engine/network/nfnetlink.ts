/**
 * A table of nftables with one kind of rule, as the bytes of one batch (nfnetlink, linux/netfilter/nf_tables.h): what is sent to an
 * address and port is led to others. For a container's own namespace, where running `iptables` would cost more than all the rest.
 */
import { addressBytes } from './addresses.ts';
import { type Attribute, encode, text } from './netlink-wire.ts';

export const NETLINK_NETFILTER = 12;

const NFNL_SUBSYS_NFTABLES = 10;
const BATCH = { BEGIN: 0x10, END: 0x11 } as const;
const NFT_MSG = { NEWTABLE: 0, DELTABLE: 2, NEWCHAIN: 3, NEWRULE: 6 } as const;
const NLM_F = { REQUEST: 1, ACK: 4, CREATE: 0x400, APPEND: 0x800 } as const;
const NFPROTO = { UNSPEC: 0, IPV4: 2 } as const;
const NF_INET_LOCAL_OUT = 3;
const PRIORITY_DESTINATION_NAT = -100;

const TABLE_NAME = 1;
const CHAIN = { TABLE: 1, NAME: 3, HOOK: 4, TYPE: 7 } as const;
const HOOK = { NUMBER: 1, PRIORITY: 2 } as const;
const RULE = { TABLE: 1, CHAIN: 2, EXPRESSIONS: 4 } as const;
const LIST_ELEMENT = 1;
const EXPRESSION = { NAME: 1, DATA: 2 } as const;
const PAYLOAD = { REGISTER: 1, BASE: 2, OFFSET: 3, LENGTH: 4 } as const;
const META = { REGISTER: 1, KEY: 2 } as const;
const META_L4PROTO = 16;
const COMPARE = { REGISTER: 1, OPERATION: 2, DATA: 3 } as const;
const IMMEDIATE = { REGISTER: 1, DATA: 2 } as const;
const NAT = { TYPE: 1, FAMILY: 2, ADDRESS: 3, PORT: 5 } as const;
const NAT_DESTINATION = 1;
const DATA_VALUE = 1;
const [REGISTER_1, REGISTER_2] = [1, 2];
const NETWORK_HEADER = 1;
const TRANSPORT_HEADER = 2;
const PROTOCOL = { tcp: 6, udp: 17 } as const;

/** Numbers of nftables are in the byte order of the network. */
const be32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bytes;
};
const be16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);

/** struct nfgenmsg: family, version, resource. */
const header = (family: number, resource = 0): Uint8Array => Uint8Array.of(family, 0, ...be16(resource));

const nft = (message: number, flags: number, attributes: readonly Attribute[]): Uint8Array =>
  encode({
    type: (NFNL_SUBSYS_NFTABLES << 8) | message,
    flags: NLM_F.REQUEST | flags,
    fixed: header(NFPROTO.IPV4),
    attributes,
  });

const edge = (type: number): Uint8Array =>
  encode({ type, flags: NLM_F.REQUEST, fixed: header(NFPROTO.UNSPEC, NFNL_SUBSYS_NFTABLES), attributes: [] });

export interface Redirection {
  readonly from: { readonly address: string; readonly port: number };
  readonly to: { readonly address: string; readonly port: number };
}

/** The table holds this and nothing else afterwards, whatever it held before: all of it in one transaction. */
export function redirectOutput(table: string, { from, to }: Redirection): Uint8Array {
  const chain = 'output';
  const name: Attribute = { type: TABLE_NAME, value: text(table) };
  const rule = (protocol: number, last: boolean) =>
    nft(NFT_MSG.NEWRULE, NLM_F.CREATE | NLM_F.APPEND | (last ? NLM_F.ACK : 0), [
      { type: RULE.TABLE, value: text(table) },
      { type: RULE.CHAIN, value: text(chain) },
      {
        type: RULE.EXPRESSIONS,
        value: redirect(protocol, { from, to }).map((value) => ({ type: LIST_ELEMENT, value })),
      },
    ]);
  return joined([
    edge(BATCH.BEGIN),
    // Made first, so that it can be deleted where there was none.
    nft(NFT_MSG.NEWTABLE, NLM_F.CREATE, [name]),
    nft(NFT_MSG.DELTABLE, 0, [name]),
    nft(NFT_MSG.NEWTABLE, NLM_F.CREATE, [name]),
    nft(NFT_MSG.NEWCHAIN, NLM_F.CREATE, [
      { type: CHAIN.TABLE, value: text(table) },
      { type: CHAIN.NAME, value: text(chain) },
      {
        type: CHAIN.HOOK,
        value: [
          { type: HOOK.NUMBER, value: be32(NF_INET_LOCAL_OUT) },
          { type: HOOK.PRIORITY, value: be32(PRIORITY_DESTINATION_NAT) },
        ],
      },
      { type: CHAIN.TYPE, value: text('nat') },
    ]),
    rule(PROTOCOL.udp, false),
    rule(PROTOCOL.tcp, true),
    edge(BATCH.END),
  ]);
}

/** `ip daddr FROM meta l4proto P th dport PORT dnat to TO`, in the words of nft(8). */
const redirect = (protocol: number, { from, to }: Redirection): Attribute[][] => [
  load(NETWORK_HEADER, 16, 4),
  equals(addressBytes(from.address)),
  expression('meta', [
    { type: META.REGISTER, value: be32(REGISTER_1!) },
    { type: META.KEY, value: be32(META_L4PROTO) },
  ]),
  equals(Uint8Array.of(protocol)),
  load(TRANSPORT_HEADER, 2, 2),
  equals(be16(from.port)),
  immediate(REGISTER_1!, addressBytes(to.address)),
  immediate(REGISTER_2!, be16(to.port)),
  expression('nat', [
    { type: NAT.TYPE, value: be32(NAT_DESTINATION) },
    { type: NAT.FAMILY, value: be32(NFPROTO.IPV4) },
    { type: NAT.ADDRESS, value: be32(REGISTER_1!) },
    { type: NAT.PORT, value: be32(REGISTER_2!) },
  ]),
];

const expression = (name: string, data: readonly Attribute[]): Attribute[] => [
  { type: EXPRESSION.NAME, value: text(name) },
  { type: EXPRESSION.DATA, value: data },
];

const load = (base: number, offset: number, length: number): Attribute[] =>
  expression('payload', [
    { type: PAYLOAD.REGISTER, value: be32(REGISTER_1!) },
    { type: PAYLOAD.BASE, value: be32(base) },
    { type: PAYLOAD.OFFSET, value: be32(offset) },
    { type: PAYLOAD.LENGTH, value: be32(length) },
  ]);

const equals = (value: Uint8Array): Attribute[] =>
  expression('cmp', [
    { type: COMPARE.REGISTER, value: be32(REGISTER_1!) },
    { type: COMPARE.OPERATION, value: be32(0) },
    { type: COMPARE.DATA, value: [{ type: DATA_VALUE, value }] },
  ]);

const immediate = (register: number, value: Uint8Array): Attribute[] =>
  expression('immediate', [
    { type: IMMEDIATE.REGISTER, value: be32(register) },
    { type: IMMEDIATE.DATA, value: [{ type: DATA_VALUE, value }] },
  ]);

function joined(messages: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(messages));
}
