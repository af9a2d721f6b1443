/**
 * Whether the kernel would give a port, by taking it for a moment as the supervisor will (launcher/hold.c): what no list shows is seen,
 * sockets that are bound and do not listen, `::` with and without IPv4, addresses that are none of this host's.
 */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { LivePort } from '../../src/model/live.ts';
import { isIpv6 } from './addresses.ts';

/** Name of the error (EADDRINUSE, EADDRNOTAVAIL, …) of each that is refused. Other protocols than TCP and UDP are not tried. */
export async function tryPorts<T extends LivePort>(ports: readonly T[]): Promise<readonly { port: T; code: string }[]> {
  const tried = await Promise.all(ports.map(async (port) => ({ port, code: await tryPort(port) })));
  return tried.flatMap(({ port, code }) => (code === undefined ? [] : [{ port, code }]));
}

async function tryPort({ protocol, hostIp, published }: LivePort): Promise<string | undefined> {
  const take = protocol === 'tcp' ? takeTcp : protocol === 'udp' ? takeUdp : undefined;
  if (take === undefined) return undefined;
  if (hostIp !== '') return await take(hostIp, published, isIpv6(hostIp));
  const code = await take('::', published, false);
  return code === 'EAFNOSUPPORT' ? await take('0.0.0.0', published, false) : code;
}

type Take = (host: string, port: number, ipv6Only: boolean) => Promise<string | undefined>;

const takeTcp: Take = (host, port, ipv6Only) =>
  new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code));
    server.listen({ host, port, ipv6Only, exclusive: true }, () => server.close(() => resolve(undefined)));
  });

const takeUdp: Take = (address, port, ipv6Only) =>
  new Promise((resolve) => {
    const socket = createSocket({ type: isIpv6(address) ? 'udp6' : 'udp4', ipv6Only });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      socket.close();
      resolve(code);
    });
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
