import { describe, expect, test } from 'vitest';
import { decode, decodeAttributes } from '../../../engine/network/netlink-wire.ts';
import {
  deleteGroup,
  IFLA,
  newAddress,
  newBridge,
  newDefaultRoute,
  newVethPair,
  RTM,
  setLink,
} from '../../../engine/network/rtnetlink.ts';

const IFINFO = 16;
const texts = (bytes: Uint8Array | undefined) =>
  Buffer.from(bytes ?? [])
    .toString()
    .replace(/\0$/, '');
const value = (attributes: readonly { type: number; value: unknown }[], type: number) =>
  attributes.find((attribute) => attribute.type === type)?.value as Uint8Array | undefined;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Every length in it fits, and the whole is a multiple of four. */
const readU32 = (bytes: Uint8Array, at = 0) => Buffer.from(bytes).readUInt32LE(at);
const isWellFormed = (message: Uint8Array) => readU32(message) === message.length && message.length % 4 === 0;

describe('messages to the kernel', () => {
  test('a bridge has the name, index and group that it was given', () => {
    const message = newBridge({ name: 'tcb1a2b00000001', index: 17, mac: '02:42:ac:14:00:01', mtu: 1400, group: 17 });
    const { type, fixed, attributes } = decode(message, IFINFO);
    expect(isWellFormed(message)).toBe(true);
    expect(type).toBe(RTM.NEWLINK);
    expect(readU32(fixed, 4)).toBe(17);
    expect(texts(value(attributes, IFLA.IFNAME))).toBe('tcb1a2b00000001');
    expect(readU32(value(attributes, IFLA.MTU)!)).toBe(1400);
    expect(readU32(value(attributes, IFLA.GROUP)!)).toBe(17);
    expect(texts(value(decodeAttributes(value(attributes, IFLA.LINKINFO)!), 1))).toBe('bridge');
  });

  test('a pair names the namespace of its host side by descriptor, inside the peer', () => {
    const host = { name: 'tcv1a2b00000001', namespaceFd: 65, group: 17 };
    const message = newVethPair({ inside: { name: 'eth0', index: 16, mac: '02:42:ac:14:00:02' }, host, mtu: 1500 });
    const { fixed, attributes } = decode(message, IFINFO);
    expect(isWellFormed(message)).toBe(true);
    expect(readU32(fixed, 4)).toBe(16);
    expect(value(attributes, IFLA.NET_NS_FD)).toBeUndefined();
    const data = value(decodeAttributes(value(attributes, IFLA.LINKINFO)!), 2)!;
    const peer = value(decodeAttributes(data), 1)!;
    const inner = decodeAttributes(peer.subarray(IFINFO));
    expect(texts(value(inner, IFLA.IFNAME))).toBe('tcv1a2b00000001');
    expect(readU32(value(inner, IFLA.NET_NS_FD)!)).toBe(65);
  });

  test('an address comes with its broadcast address, one of IPv6 without detection of duplicates', () => {
    const four = decode(newAddress(16, '172.20.1.2', 22), 8);
    expect([...four.fixed.slice(0, 2)]).toEqual([2, 22]);
    expect(hex(value(four.attributes, 4)!)).toBe('ac1403ff');
    const six = decode(newAddress(16, 'fd00::2', 64), 8);
    expect([...six.fixed.slice(0, 2)]).toEqual([10, 64]);
    expect(readU32(value(six.attributes, 8)!)).toBe(2);
  });

  test('up is said only when it is asked for', () => {
    const flags = (message: Uint8Array) => [
      readU32(decode(message, IFINFO).fixed, 8),
      readU32(decode(message, IFINFO).fixed, 12),
    ];
    expect(flags(setLink({ link: 'tcv', master: 5 }))).toEqual([0, 0]);
    expect(flags(setLink({ link: 'tcv', up: true }))).toEqual([1, 1]);
    expect(flags(setLink({ link: 3, up: false }))).toEqual([0, 1]);
  });

  test('a default route goes to the main table, by its gateway', () => {
    const { fixed, attributes } = decode(newDefaultRoute('172.20.0.1', 16), 12);
    expect([...fixed.slice(0, 8)]).toEqual([2, 0, 0, 0, 254, 3, 0, 1]);
    expect(hex(value(attributes, 5)!)).toBe('ac140001');
  });

  test('a group is deleted by its number alone: a name or an index would delete one link', () => {
    const { fixed, attributes } = decode(deleteGroup(17), IFINFO);
    expect(readU32(fixed, 4)).toBe(0);
    expect(attributes.map(({ type }) => type)).toEqual([IFLA.GROUP]);
  });
});
