/** Addresses and prefixes of both families as numbers one can count with, and hardware addresses. */

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}
export interface Prefix extends Address {
  readonly length: number;
}

const bitsOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);
export const isIpv6 = (address: string): boolean => address.includes(':');

export const findAddress = (text: string): Address | undefined => (isIpv6(text) ? findIpv6(text) : findIpv4(text));

function findIpv4(text: string): Address | undefined {
  const parts = text.split('.');
  // No leading zeros: some read them as octal.
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return { family: 4, value: parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n) };
}

function findIpv6(text: string): Address | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, i) => groupsOf(half, i === halves.length - 1)) as [
    readonly string[] | undefined,
    (readonly string[] | undefined)?,
  ];
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...(tail ?? [])];
  return { family: 6, value: groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n) };
}

/** The groups between colons; the very last may be an IPv4 address (RFC 4291 2.2). */
function groupsOf(half: string, isLast: boolean): readonly string[] | undefined {
  if (half === '') return [];
  const groups = half.split(':');
  if (isLast && groups.at(-1)!.includes('.')) {
    const ipv4 = findIpv4(groups.pop()!);
    if (ipv4 === undefined) return undefined;
    groups.push((ipv4.value >> 16n).toString(16), (ipv4.value & 0xffffn).toString(16));
  }
  return groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) ? groups : undefined;
}

const formatIpv4 = (value: number): string =>
  `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`;

export function formatAddress({ family, value }: Address): string {
  if (family === 4) return formatIpv4(Number(value));
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  // RFC 5952: the longest run of zeros, if longer than one, the first of equals, becomes `::`.
  const runs = [...groups.join(':').matchAll(/(?<![0-9a-f])0(:0)+(?![0-9a-f])/g)];
  const longest = runs.sort((a, b) => b[0].length - a[0].length || a.index - b.index)[0];
  const all = groups.join(':');
  if (longest === undefined) return all;
  const before = all.slice(0, longest.index).replace(/:$/, '');
  return `${before}::${all.slice(longest.index + longest[0].length).replace(/^:/, '')}`;
}

export function findPrefix(text: string): Prefix | undefined {
  const [address, length, ...rest] = text.split('/');
  const found = findAddress(address ?? '');
  if (found === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length ?? '')) return undefined;
  if (Number(length) > bitsOf(found.family)) return undefined;
  return { ...found, length: Number(length), value: found.value & ~hostMask(found.family, Number(length)) };
}

export const formatPrefix = (prefix: Prefix): string => `${formatAddress(prefix)}/${prefix.length}`;

const hostMask = (family: 4 | 6, length: number): bigint => (1n << BigInt(bitsOf(family) - length)) - 1n;

export const first = (prefix: Prefix): bigint => prefix.value;
export const last = (prefix: Prefix): bigint => prefix.value | hostMask(prefix.family, prefix.length);
export const contains = (prefix: Prefix, address: Address): boolean =>
  prefix.family === address.family && address.value >= first(prefix) && address.value <= last(prefix);
export const overlap = (a: Prefix, b: Prefix): boolean =>
  a.family === b.family && first(a) <= last(b) && first(b) <= last(a);

/** What hosts may have: IPv4 keeps the first and the last to itself (not in /31 and /32), IPv6 the first (RFC 4291: routers). */
export function hostRange(prefix: Prefix): { readonly from: bigint; readonly to: bigint } {
  const size = bitsOf(prefix.family) - prefix.length;
  if (size < 2) return { from: first(prefix), to: last(prefix) };
  return { from: first(prefix) + 1n, to: last(prefix) - (prefix.family === 4 ? 1n : 0n) };
}

/** Network byte order. The text must be an address. */
export function addressBytes(text: string): Uint8Array {
  const address = findAddress(text);
  if (address === undefined) throw new RangeError(`not an address: ${text}`);
  const length = bitsOf(address.family) / 8;
  return Uint8Array.from({ length }, (_, i) => Number((address.value >> BigInt(8 * (length - 1 - i))) & 0xffn));
}

export const isMac = (text: string): boolean => /^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i.test(text);
export const macBytes = (mac: string): Uint8Array =>
  Uint8Array.from(mac.split(/[:-]/), (pair) => Number.parseInt(pair, 16));

/**
 * A hardware address that follows from the address: whoever has the address next has the same one, so what neighbours remember about
 * it stays true. Locally administered, unicast.
 */
export function macFor(address: string): string {
  const tail = addressBytes(address).slice(-4);
  return ['02', '42', ...Array.from(tail, (byte) => byte.toString(16).padStart(2, '0'))].join(':');
}
