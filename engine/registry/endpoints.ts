/** Where a registry is: the host behind the name in a reference, and whether it may be spoken to without TLS. */
import { isIP } from 'node:net';

/** `docker.io` is a name only; its registry is elsewhere. */
export const hostOf = (domain: string): string => (domain === 'docker.io' ? 'registry-1.docker.io' : domain);

/** `reg.example:5000` → both; an IPv6 address keeps no brackets. */
export function splitHost(host: string): { readonly name: string; readonly port: string } {
  const [, name = host, port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(\d+))?$/.exec(host) ?? [];
  return { name: name.replace(/^\[|\]$/g, ''), port };
}

export function isLoopback(name: string): boolean {
  const lower = name.toLowerCase();
  if (isIP(lower) === 4) return lower.startsWith('127.');
  return lower === '::1' || lower === 'localhost' || lower.endsWith('.localhost');
}

/** `declared` are hosts, hosts with ports, and address ranges, as in dockerd's insecure-registries. */
export function isDeclaredInsecure(host: string, declared: readonly string[]): boolean {
  const { name } = splitHost(host);
  return declared.some((entry) => entry === host || entry === name || isInRange(name, entry));
}

/** Whether an address is in `10.0.0.0/8` or `fd00::/8`. */
export function isInRange(address: string, range: string): boolean {
  const [base = '', length = ''] = range.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(base) !== family || !/^\d{1,3}$/.test(length)) return false;
  const [all, bits] = family === 4 ? [32, bitsOf4(base)] : [128, bitsOf6(base)];
  const shift = BigInt(all - Number(length));
  if (shift < 0n) return false;
  return (family === 4 ? bitsOf4(address) : bitsOf6(address)) >> shift === bits >> shift;
}

const bitsOf4 = (address: string): bigint => address.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);

function bitsOf6(address: string): bigint {
  // The URL parser writes an embedded IPv4 address as two groups.
  const plain = new URL(`http://[${address.replace(/%.*/, '')}]`).hostname.slice(1, -1);
  const [head = '', tail] = plain.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<string>(zeros).fill('0'), ...after].reduce(
    (bits, group) => (bits << 16n) | BigInt(`0x${group}`),
    0n,
  );
}
