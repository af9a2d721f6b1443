/**
 * Follows a connection: asks the asker's own name server from within its network, and looks at routes, links, rules and sockets on the
 * way; at last it tries to connect. Nothing is changed. What it means is for operations/why-hops.ts to say.
 */
import type { Trace, TraceName, TracePublished, TraceRequest, TraceSocket } from '../../src/model/trace.ts';
import { readRuntime } from '../container/runtime.ts';
import { noSuchContainer } from '../container/unknown.ts';
import { findServer } from '../dns/name-server.ts';
import { RESOLVER_ADDRESS } from '../dns/resolver-ops.ts';
import { resolverOf, viewOf } from '../dns/views.ts';
import type { Host } from '../host.ts';
import { dnsDir } from '../state/paths.ts';
import type { ProcessId } from '../state/process.ts';
import type { ContainerRecord } from '../state/records.ts';
import { findAddress, isIpv6 } from './addresses.ts';
import type { Records } from './endpoints.ts';
import { type NetworkFacts, readNetworkFacts, readRoutes } from './facts.ts';
import { hostSockets, linkOpens, socketsIn, strayRoute, triedInTurn } from './trace-around.ts';
import { type Answers, ask, type Place } from './trace-inside.ts';
import { linksOf, networkProcess, ownerOf, ownNames, partyOf, publishedOf } from './trace-party.ts';
import { readRules, rulesOf } from './trace-path.ts';

interface Scene {
  readonly host: Host;
  readonly records: Records;
  readonly facts: NetworkFacts;
  readonly request: TraceRequest;
  readonly asker?: { readonly record: ContainerRecord; readonly owner: ContainerRecord };
  readonly place?: Place;
}

export async function trace(host: Host, request: TraceRequest): Promise<Trace> {
  const records = await host.records();
  const facts = await readNetworkFacts({ ipv6: records.networks.some(({ madeFrom }) => madeFrom.enableIpv6) });
  const { paths, launcher } = host;
  const asker = askerOf(request, records);
  const inside = asker && networkProcess(paths, asker.owner);
  const isHosts = asker === undefined || asker.owner.madeFrom.networkMode.kind === 'host';
  const runs = isHosts || inside !== undefined;
  const place = { launcher, folder: paths.run, ...(!isHosts && inside ? { process: inside } : {}) };
  const scene: Scene = { host, records, facts, request, ...(asker && { asker }), ...(runs && { place }) };
  const parties = {
    ...(asker && { asker: partyOf(paths, asker.record, records) }),
    meant: request.meant.flatMap((name) => {
      const record = records.containers.find((one) => one.name === name);
      return record === undefined ? [] : [partyOf(paths, record, records)];
    }),
  };
  if (!runs) return { ...parties, links: [] };
  return { ...parties, ...(await follow(scene)) };
}

function askerOf({ from }: TraceRequest, records: Records): Scene['asker'] {
  if (from.kind !== 'container') return undefined;
  const record = records.containers.find(({ name }) => name === from.container);
  if (record === undefined) throw noSuchContainer(from.container);
  return { record, owner: ownerOf(record, records) };
}

async function follow(scene: Scene): Promise<Omit<Trace, 'asker' | 'meant'>> {
  const { request, records, host, asker, facts, place } = scene;
  const byPort = asker === undefined && request.meant.length > 0 ? publishedWay(scene) : undefined;
  const byName = byPort ? undefined : await resolve(scene);
  const address = byPort ? byPort.address : byName?.address;
  const name = byName?.name && { name: byName.name };
  const published = byPort?.published && { published: byPort.published };
  const target = byPort?.target ?? (address === undefined ? undefined : ownerOfAddress(address, records));
  const port = byPort?.published.port?.published ?? request.port;
  const listed = await linksBetween(scene, target, address);
  if (address === undefined) return { ...name, ...published, links: listed, ...partyFound(scene, target) };

  const tries = request.protocol === 'tcp' && port !== undefined;
  const before = await readRules(isIpv6(address));
  const answers = await ask(place!, {
    route: address,
    ...(tries && { connect: { address, port } }),
  });
  const { dev, gateway, prefsrc, error } = answers.route ?? {};
  const route = {
    ...(dev && { device: dev }),
    ...(gateway && { via: gateway }),
    ...(prefsrc && { source: prefsrc }),
    ...(error && { error }),
  };
  const rules = await rulesOf({
    records,
    facts,
    instance: await host.instance(),
    before,
    request,
    address,
    port: port ?? 0,
    ...(asker && { asker: asker.owner }),
    ...(target && { target }),
    ...(prefsrc && { source: prefsrc }),
    ...(readRoutesDevice(await readRoutes(false)) ?? {}),
  });
  const other = request.protocol === 'tcp' ? 'udp' : 'tcp';
  const elsewhere = (target && listening(scene, target, other))?.some((socket) => socket.port === request.port);
  const isHost = target === undefined && rules.path === 'input';
  const sockets = isHost ? hostSockets(request.protocol) : target && listening(scene, target, request.protocol);
  const ends = { address, ...(asker && { asker: asker.owner }), ...(target && { target }) };
  // A bridge that is down takes its routes along, and is told as what it is.
  const isWhole = listed.every(({ is }) => is === 'up');
  const hostRoute = isWhole ? await strayRoute({ ...ends, ...(prefsrc && { source: prefsrc }) }, records) : undefined;
  const opens = asker && target && linkOpens(asker.owner, target);
  return {
    ...name,
    address,
    ...published,
    ...partyFound(scene, target),
    route,
    ...(hostRoute && { hostRoute }),
    ...(opens && { linkOpens: opens }),
    ...(byName?.replicas && { replicas: byName.replicas }),
    links: listed,
    rules,
    ...(sockets && { listening: sockets }),
    ...(elsewhere && { listensFor: other }),
    ...(answers.connect && { attempt: { ...answers.connect, to: shown(address, port!) } }),
  };
}

const readRoutesDevice = ({ defaultDevice }: { readonly defaultDevice?: string }) =>
  defaultDevice === undefined ? undefined : { outside: defaultDevice };

const shown = (address: string, port: number): string =>
  isIpv6(address) ? `[${address}]:${port}` : `${address}:${port}`;

const partyFound = ({ host, records }: Scene, target: ContainerRecord | undefined) =>
  target === undefined ? {} : { target: partyOf(host.paths, target, records) };

/** From outside of the containers: by the host port of whoever is meant. */
function publishedWay({
  host,
  records,
  request,
  facts,
}: Scene):
  | { readonly target: ContainerRecord; readonly published: TracePublished; readonly address?: string }
  | undefined {
  const meant = request.meant.flatMap((name) => records.containers.find((one) => one.name === name) ?? []);
  const ways = meant.map((record) => {
    const owner = ownerOf(record, records);
    return { target: owner, published: publishedOf(host.paths, owner, request.port ?? 0, request.protocol) };
  });
  const way = ways.find(({ published }) => published.port !== undefined) ?? ways[0];
  if (way === undefined) return undefined;
  const { port } = way.published;
  if (port === undefined)
    return way.target.madeFrom.networkMode.kind === 'host' ? { ...way, address: '127.0.0.1' } : way;
  if (port.hostIp !== '' && !/^(0\.0\.0\.0|::)$/.test(port.hostIp)) return { ...way, address: port.hostIp };
  const own = [...facts.links.values()].flatMap(({ addresses }) => addresses).map((one) => one.split('/')[0]!);
  const isOutside = request.from.kind === 'outside';
  const inside = new Set(records.networks.flatMap(({ subnets }) => subnets.map(({ gateway }) => gateway)));
  const outer = own.find((one) => !one.startsWith('127.') && !isIpv6(one) && !inside.has(one));
  return { ...way, address: isOutside ? (outer ?? '127.0.0.1') : '127.0.0.1' };
}

interface Resolved {
  readonly name?: TraceName;
  readonly address?: string;
  readonly replicas?: NonNullable<Trace['replicas']>;
}

async function resolve(scene: Scene): Promise<Resolved> {
  const { request, records, asker, place } = scene;
  if (findAddress(request.to) !== undefined) return { address: request.to };
  const name = asker === undefined ? await hostsName(request.to) : await asked(scene, asker);
  const known = name.addresses.filter((one) => ownerOfAddress(one, records) !== undefined);
  const tries = request.protocol === 'tcp' && request.port !== undefined && known.length > 1;
  if (!tries) return { name, ...firstOf([...known, ...name.addresses]) };
  // Of several the one that does not answer is what somebody asks about.
  const { failing, of } = await triedInTurn(place!, known, request.port!);
  return { name, replicas: { failing: failing.length, of }, ...firstOf([...failing, ...known]) };
}

const firstOf = ([address]: readonly string[]) => (address === undefined ? {} : { address });

async function hostsName(name: string): Promise<TraceName> {
  const { lookup } = await import('node:dns/promises');
  try {
    const found = await lookup(name, { all: true });
    return { server: 'this host', fromHostsFile: false, addresses: found.map(({ address }) => address) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'ENOTFOUND';
    return {
      server: 'this host',
      fromHostsFile: false,
      addresses: [],
      error: code === 'EAI_AGAIN' ? 'ETIMEOUT' : code,
    };
  }
}

async function asked({ host, records, request, place }: Scene, asker: NonNullable<Scene['asker']>): Promise<TraceName> {
  const { owner } = asker;
  const { hosts, servers, search } = ownNames(host.paths, owner, request.to);
  const server = servers[0] ?? '127.0.0.1';
  const resolver = resolverOf(owner, records);
  const view = viewOf(owner, records);
  const isOurs = resolver !== undefined && [RESOLVER_ADDRESS, resolver.address].includes(server);
  const ours = isOurs && {
    at: shown(resolver.address, resolver.port),
    serverRuns: view !== undefined && findServer(dnsDir(host.paths, view.key)) !== undefined,
  };
  if (hosts.length > 0) return { server, ...ours, fromHostsFile: true, addresses: hosts };
  const names = [request.to, ...search.filter((domain) => domain !== '.').map((domain) => `${request.to}.${domain}`)];
  const { names: answer } = await ask(place!, { names: { names, servers: servers.length > 0 ? servers : [server] } });
  return {
    server,
    ...ours,
    fromHostsFile: false,
    addresses: answer?.addresses ?? [],
    ...(answer?.error && { error: answer.error }),
  };
}

/** A container that is meant to run: others have given their addresses back, as far as the way goes. */
function ownerOfAddress(address: string, { containers }: Records): ContainerRecord | undefined {
  const has = ({ endpoints }: ContainerRecord) =>
    endpoints.some(({ ipv4, ipv6 }) => ipv4?.address === address || ipv6?.address === address);
  return containers.find((one) => one.wanted && has(one)) ?? containers.find(has);
}

async function linksBetween(
  { host, records, facts, asker, place }: Scene,
  target: ContainerRecord | undefined,
  address?: string,
) {
  const inside = async (process: ProcessId | undefined): Promise<Answers['links']> =>
    process === undefined
      ? undefined
      : (await ask({ launcher: host.launcher, folder: host.paths.run, process }, { links: true })).links;
  const own = asker === undefined || place?.process === undefined ? undefined : asker.owner;
  const shared = own?.endpoints.find(({ network }) =>
    target?.endpoints.some((one) => one.network === network && isAt(one, address)),
  );
  const parts = [
    ...(own ? own.endpoints.map(({ network }) => ({ side: 'asker' as const, owner: own, network })) : []),
    ...(target
      ? target.endpoints
          .filter((one) => address === undefined || shared === undefined || isAt(one, address))
          .map(({ network }) => ({ side: 'target' as const, owner: target, network }))
      : []),
  ];
  const seen = new Map<ContainerRecord, Answers['links']>();
  for (const { owner } of parts) if (!seen.has(owner)) seen.set(owner, await inside(networkProcess(host.paths, owner)));
  return parts.flatMap((part) => {
    const links = seen.get(part.owner);
    return linksOf({ ...part, ...(links && { inside: links }) }, records, facts);
  });
}

const isAt = ({ ipv4, ipv6 }: ContainerRecord['endpoints'][number], address?: string): boolean =>
  address !== undefined && (ipv4?.address === address || ipv6?.address === address);

/** Undefined: none runs in it. */
function listening(
  { host }: Scene,
  target: ContainerRecord,
  protocol: 'tcp' | 'udp',
): readonly TraceSocket[] | undefined {
  const { process } = readRuntime(host.paths, target);
  if (process === undefined) return undefined;
  return socketsIn(`/proc/${process.pid}/net`, protocol);
}
