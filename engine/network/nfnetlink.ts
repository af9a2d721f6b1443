/**
 * A table of nftables with one kind of rule, as the bytes of one batch: what is sent to an address and port is led to others. For a
 * container's own namespace, where running `iptables` would cost more than all the rest.
 */
import { addressBytes } from './addresses.ts';
import {
  batch,
  be16,
  be32,
  type Expression,
  equals,
  expression,
  FAMILY,
  HEADER_OF,
  immediate,
  load,
  META_KEY,
  meta,
  nftTable,
  REGISTER,
} from './nft.ts';

export { NETLINK_NETFILTER } from './nft.ts';

const NF_INET_LOCAL_OUT = 3;
const PRIORITY_DESTINATION_NAT = -100;
const NAT = { TYPE: 1, FAMILY: 2, ADDRESS: 3, PORT: 5 } as const;
const NAT_DESTINATION = 1;
const PROTOCOL = { tcp: 6, udp: 17 } as const;

export interface Redirection {
  readonly from: { readonly address: string; readonly port: number };
  readonly to: { readonly address: string; readonly port: number };
}

/** The table holds this and nothing else afterwards, whatever it held before: all of it in one transaction. */
export function redirectOutput(table: string, redirection: Redirection): Uint8Array {
  const chain = 'output';
  const { makeAnew, chain: newChain, rule } = nftTable(FAMILY.IPV4, table);
  return batch([
    ...makeAnew,
    newChain(chain, { type: 'nat', hook: NF_INET_LOCAL_OUT, priority: PRIORITY_DESTINATION_NAT }),
    rule(chain, redirect(PROTOCOL.udp, redirection)),
    rule(chain, redirect(PROTOCOL.tcp, redirection)),
  ]);
}

/** `ip daddr FROM meta l4proto P th dport PORT dnat to TO`, in the words of nft(8). */
const redirect = (protocol: number, { from, to }: Redirection): readonly Expression[] => [
  load(HEADER_OF.network, 16, 4),
  equals(addressBytes(from.address)),
  meta(META_KEY.l4Protocol),
  equals(Uint8Array.of(protocol)),
  load(HEADER_OF.transport, 2, 2),
  equals(be16(from.port)),
  immediate(REGISTER.first, addressBytes(to.address)),
  immediate(REGISTER.second, be16(to.port)),
  expression('nat', [
    { type: NAT.TYPE, value: be32(NAT_DESTINATION) },
    { type: NAT.FAMILY, value: be32(FAMILY.IPV4) },
    { type: NAT.ADDRESS, value: be32(REGISTER.first) },
    { type: NAT.PORT, value: be32(REGISTER.second) },
  ]),
];
