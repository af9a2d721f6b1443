/** What a connection meets beside its own way: routes of the host, links that open ports, the other replicas of a name. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Trace, TraceSocket } from '../../src/model/trace.ts';
import type { ContainerRecord } from '../state/records.ts';
import type { Records } from './endpoints.ts';
import { servedBy } from './link-rules.ts';
import { parseSockets } from './listening.ts';
import { publishedEndpoint } from './main-endpoint.ts';
import { ask, type Place } from './trace-inside.ts';

interface Ends {
  readonly asker?: ContainerRecord;
  readonly target?: ContainerRecord;
  readonly address: string;
  /** Of the asker's packets. */
  readonly source?: string;
}

/** The first route of the host that leads this connection, or its answers, astray; undefined: all lead where they should. */
export async function strayRoute(
  { asker, target, address, source }: Ends,
  records: Records,
): Promise<Trace['hostRoute']> {
  const bridges = new Map(records.networks.map(({ name, bridge }) => [name, bridge]));
  const at = (record: ContainerRecord | undefined, own: string | undefined) => {
    const endpoint = record?.endpoints.find(
      ({ ipv4, ipv6 }) => own !== undefined && [ipv4?.address, ipv6?.address].includes(own),
    );
    const bridge = endpoint && bridges.get(endpoint.network);
    return bridge ? [{ to: own!, bridge }] : [];
  };
  const [from, to] = [at(asker, source), at(target, address)];
  // Within one bridge nobody asks the host for a way.
  if (from[0] !== undefined && from[0].bridge === to[0]?.bridge) return undefined;
  const networks = new Map(records.networks.map((network) => [network.name, network]));
  const led = target && to.length === 0 ? publishedEndpoint(target, networks, 4)?.ipv4?.address : undefined;
  const outside = target === undefined && from.length > 0 ? [{ to: address, bridge: undefined }] : [];
  for (const { to: end, bridge } of [...outside, ...to, ...at(target, led), ...from]) {
    const { device, error } = await routeOfHost(end);
    if (error !== undefined || (bridge !== undefined && device !== bridge))
      return { to: end, ...(bridge && { bridge }), ...(device && { device }), ...(error && { error }) };
  }
  return undefined;
}

/** ip-route(8): `get` says what the kernel would do. */
const routeOfHost = (to: string): Promise<{ readonly device?: string; readonly error?: string }> =>
  new Promise((resolve) => {
    execFile('ip', ['-j', 'route', 'get', to], { timeout: 5000 }, (error, out, said) => {
      if (error) return resolve({ error: said.trim().replace(/^RTNETLINK answers: /, '') || 'no route' });
      const [row] = JSON.parse(out || '[]') as { dev?: string; type?: string }[];
      if (row?.type === 'unreachable' || row?.type === 'prohibit' || row?.type === 'blackhole')
        return resolve({ error: `${row.type} route` });
      resolve(row?.dev ? { device: row.dev } : {});
    });
  });

/** `80/tcp`: what a link of the asker to the target opens where neighbours may not talk; undefined: there is no link. */
export const linkOpens = (asker: ContainerRecord, target: ContainerRecord): readonly string[] | undefined =>
  asker.madeFrom.links.some(({ container }) => container === target.name)
    ? servedBy(target).map(([port, protocol]) => `${port}/${protocol}`)
    : undefined;

/** A name of several: those that take no connection come first. */
export async function triedInTurn(
  place: Place,
  addresses: readonly string[],
  port: number,
): Promise<{ readonly failing: readonly string[]; readonly of: number }> {
  const tried = addresses.slice(0, 8);
  const results = await Promise.all(
    tried.map(async (address) => (await ask(place, { connect: { address, port } })).connect?.result),
  );
  return { failing: tried.filter((_, index) => results[index] !== 'connected'), of: tried.length };
}

/** Of the host itself. */
export const hostSockets = (protocol: 'tcp' | 'udp'): readonly TraceSocket[] => socketsIn('/proc/self/net', protocol);

/** Of a network namespace, by any process in it (proc_net(5)). */
export const socketsIn = (folder: string, protocol: 'tcp' | 'udp'): readonly TraceSocket[] =>
  ['', '6'].flatMap((suffix) => {
    try {
      const text = readFileSync(`${folder}/${protocol}${suffix}`, 'utf8');
      return parseSockets(text, protocol).map(({ hostIp, published }) => ({ address: hostIp, port: published }));
    } catch {
      return []; // A kernel without IPv6, or it has just ended.
    }
  });
