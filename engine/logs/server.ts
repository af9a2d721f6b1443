/** Where the messages of journald and syslog go: an address as users write it, and as connect(2) wants it. */
import { lookup } from 'node:dns/promises';
import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { endianness } from 'node:os';
import { LogProblem } from './options.ts';
import { tlsRelay, tlsSettings, tryTls } from './tls.ts';

export interface LogServer {
  /** A struct sockaddr; empty where a relay connects. */
  readonly address: Uint8Array;
  readonly isStream: boolean;
  readonly relay?: readonly string[];
}

type Options = Readonly<Record<string, string>>;

const JOURNAL = '/run/systemd/journal/socket';
/** Where the C library's syslog(3) and its friends look. */
const LOCAL_SYSLOG = ['/dev/log', '/var/run/syslog', '/var/run/log'];

type Wish =
  | { readonly kind: 'unix'; readonly path: string; readonly isStream: boolean }
  | {
      readonly kind: 'inet';
      readonly host: string;
      readonly port: number;
      readonly isStream: boolean;
      readonly isTls: boolean;
    };

/** Without a look at the network: wrong addresses, and servers of this host that are not there. */
export function checkServer(driver: 'journald' | 'syslog', options: Options): Wish {
  const wish = driver === 'journald' ? local(JOURNAL, false) : parse(options['syslog-address'] ?? '');
  if (wish.kind === 'inet' && wish.isTls) tlsSettings(options);
  if (wish.kind === 'inet' || existsSync(wish.path)) return wish;
  const what = driver === 'journald' ? 'journald does not run on this host' : 'no syslog server listens';
  throw new LogProblem(
    `${what}: there is no ${wish.path}`,
    'start it, or use another log driver',
    'log-server-missing',
  );
}

export async function findServer(driver: 'journald' | 'syslog', options: Options): Promise<LogServer> {
  const wish = checkServer(driver, options);
  if (wish.kind === 'unix') return { address: unixAddress(wish.path), isStream: wish.isStream };
  if (wish.isTls) {
    const settings = tlsSettings(options);
    await tryTls(wish, settings);
    return { address: new Uint8Array(), isStream: true, relay: tlsRelay(wish, settings) };
  }
  try {
    const found = await lookup(wish.host);
    return { address: inetAddress(found.address, wish.port), isStream: wish.isStream };
  } catch {
    throw new LogProblem(`the log server ${wish.host} has no address`, 'correct its name', 'log-server-missing');
  }
}

const local = (path: string, isStream: boolean): Wish => ({ kind: 'unix', path, isStream });

function parse(text: string): Wish {
  if (text === '') return local(LOCAL_SYSLOG.find((path) => existsSync(path)) ?? LOCAL_SYSLOG[0]!, false);
  const wrong = (help: string) => new LogProblem(`syslog-address cannot be "${text}"`, help);
  const [, scheme, rest = ''] = /^(unix|unixgram|tcp|udp|tcp\+tls):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === undefined) throw wrong('use udp://HOST:PORT, tcp://HOST:PORT, tcp+tls://HOST:PORT, or unix:///PATH');
  if (scheme.startsWith('unix')) {
    if (!rest.startsWith('/') || Buffer.byteLength(rest) > 107)
      throw wrong('use an absolute path of at most 107 bytes');
    return local(rest, scheme === 'unix');
  }
  const [, bracketed, name, port = '514'] = /^(?:\[([^\]]+)\]|([^:]*))(?::([0-9]+))?$/.exec(rest) ?? [];
  const host = bracketed ?? name ?? '';
  if (host === '' || Number(port) < 1 || Number(port) > 65_535) throw wrong(`use ${scheme}://HOST:PORT`);
  return { kind: 'inet', host, port: Number(port), isStream: scheme !== 'udp', isTls: scheme === 'tcp+tls' };
}

const AF = { UNIX: 1, INET: 2, INET6: 10 } as const;

/** The family is in the byte order of the machine. */
function start(length: number, family: number): Buffer {
  const bytes = Buffer.alloc(length);
  if (endianness() === 'LE') bytes.writeUInt16LE(family, 0);
  else bytes.writeUInt16BE(family, 0);
  return bytes;
}

function unixAddress(path: string): Buffer {
  const name = Buffer.from(path);
  return Buffer.concat([start(2, AF.UNIX), name, Buffer.alloc(1)]);
}

/** sockaddr_in (16 bytes) and sockaddr_in6 (28): the port, and the address at 4 and at 8. */
export function inetAddress(address: string, port: number): Buffer {
  const isOld = isIP(address) === 4;
  const bytes = start(isOld ? 16 : 28, isOld ? AF.INET : AF.INET6);
  bytes.writeUInt16BE(port, 2);
  if (isOld) Buffer.from(address.split('.').map(Number)).copy(bytes, 4);
  else Buffer.from(sixteenBytes(address)).copy(bytes, 8);
  return bytes;
}

function sixteenBytes(address: string): number[] {
  const [before = '', after] = address.replace(/%.*$/, '').split('::');
  const groups = (text: string) =>
    text
      .split(':')
      .filter(Boolean)
      .flatMap((group) =>
        group.includes('.')
          ? group.split('.').map(Number)
          : [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff],
      );
  const [head, tail] = [groups(before), groups(after ?? '')];
  return [...head, ...Array<number>(16 - head.length - tail.length).fill(0), ...tail];
}
