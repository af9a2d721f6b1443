/** Containers, networks and volumes → a picture: containers of one service are one node. Pure. */
import type { DesiredContainer, DesiredNetwork } from '../../model/desired.ts';
import type { LiveContainer, LiveNetwork, LivePort } from '../../model/live.ts';
import type { Plan } from '../../model/plan.ts';
import type { Dependencies } from '../../plan/dependencies.ts';
import { changesOf } from '../../plan/describe.ts';
import { isOneOff, serviceOf } from '../../plan/labels.ts';
import { depths, type Graph, type GraphChange, type GraphEdge, type GraphNode, tame } from './model.ts';
import { ownStores, storeOf } from './stores.ts';

/** One side of a picture: what lives, or what is wanted. */
export interface Side {
  readonly containers: readonly { readonly wanted: DesiredContainer; readonly live?: LiveContainer }[];
  readonly networks: readonly { readonly wanted: DesiredNetwork; readonly live?: LiveNetwork }[];
  /** Full names of volumes. */
  readonly volumes: readonly string[];
  readonly dependencies: Dependencies;
}

export function graphOf(project: string, side: Side, of: 'live' | 'file'): Graph {
  const services = new Map<string, Side['containers'][number][]>();
  for (const one of side.containers) {
    if (isOneOff({ madeFrom: one.wanted })) continue;
    const name = serviceOf({ madeFrom: one.wanted }) || one.wanted.name;
    services.set(name, [...(services.get(name) ?? []), one]);
  }
  const short = (name: string) => (name.startsWith(`${project}_`) ? name.slice(project.length + 1) : name);
  const nodes = new Map<string, GraphNode>();
  const edges = new Map<string, GraphEdge>();
  const node = (one: GraphNode) => void (nodes.has(one.id) || nodes.set(one.id, one));
  const edge = (one: GraphEdge) => void edges.set(`${one.kind} ${one.from} → ${one.to} ${one.label}`, one);
  const byContainer = new Map([...services].flatMap(([name, all]) => all.map(({ wanted }) => [wanted.name, name])));

  for (const [name, all] of services) node(serviceNode(name, all));
  for (const { wanted, live } of side.networks) node(networkNode(short(wanted.name), wanted, live));
  for (const name of side.volumes)
    node({ id: `volume ${name}`, kind: 'volume', label: tame(short(name)), details: [] });
  for (const [name, all] of services) {
    const id = `service ${name}`;
    for (const { service, condition } of side.dependencies.get(name) ?? [])
      if (services.has(service))
        edge({ from: id, to: `service ${service}`, kind: 'needs', label: CONDITION[condition] ?? '' });
    for (const { wanted, live } of all) {
      for (const port of portsOf(wanted, live)) {
        const label = outer(port);
        node({ id: `port ${label}`, kind: 'port', label, details: [] });
        edge({ from: `port ${label}`, to: id, kind: 'publish', label: String(port.target) });
      }
      for (const { network } of wanted.attachments) {
        // Of somebody else, and not looked up.
        node({ id: `network ${network}`, kind: 'network', label: tame(short(network)), details: ['external'] });
        edge({ from: id, to: `network ${network}`, kind: 'network', label: '' });
      }
      for (const { container, aliases } of wanted.links) {
        const other = byContainer.get(container);
        const alias = aliases.find((one) => one !== container && one !== other);
        if (other !== undefined) edge({ from: id, to: `service ${other}`, kind: 'link', label: tame(alias ?? '', 24) });
      }
      for (const mount of wanted.mounts) {
        const store = storeOf(mount, short);
        if (store === undefined) continue;
        node(store.node);
        edge({ from: id, to: store.node.id, kind: 'volume', label: store.label });
      }
    }
  }
  return ordered({
    project,
    of,
    nodes: [...nodes.values()],
    edges: [...edges.values()].filter(isNews([...edges.values()])),
  });
}

/** A link to who is needed anyway, under its own name, says nothing more. */
const isNews = (all: readonly GraphEdge[]) => (one: GraphEdge) =>
  one.kind !== 'link' ||
  one.label !== '' ||
  !all.some((other) => other.kind === 'needs' && other.from === one.from && other.to === one.to);

const CONDITION: Readonly<Record<string, string>> = {
  service_healthy: 'healthy',
  service_completed_successfully: 'completed',
};

function serviceNode(name: string, all: Side['containers']): GraphNode {
  const images = [...new Set(all.map(({ wanted }) => wanted.image.ref))];
  const lives = all.flatMap(({ live }) => live ?? []);
  const running = lives.filter(({ status }) => status === 'running');
  const ill = lives.filter(
    ({ status, health, damage, exitCode }) =>
      health === 'unhealthy' || status === 'restarting' || damage.length > 0 || (status === 'exited' && exitCode !== 0),
  );
  const states = [
    ...new Set(lives.map(({ status, exitCode }) => (status === 'exited' ? `exited (${exitCode})` : status))),
  ];
  const health = [...new Set(lives.map((live) => live.health).filter((one) => one !== 'none'))];
  const some =
    lives.length > 1
      ? [`${running.length}/${lives.length} running`, ...states.filter((one) => one !== 'running')]
      : states;
  const damaged = lives.some(({ damage }) => damage.length > 0) ? ['damaged'] : [];
  const state = [...some, ...health, ...damaged].join(', ');
  const replicas = lives.length === 0 && all.length > 1 ? ` ×${all.length}` : '';
  return {
    id: `service ${name}`,
    kind: 'service',
    label: `${tame(name)}${replicas}`,
    details: [
      ...images.map((image) => tame(image)),
      ...(state === '' ? [] : [state]),
      ...new Set(all.flatMap(({ wanted }) => ownStores(wanted.mounts))),
    ],
    ...(lives.length === 0
      ? {}
      : { mood: ill.length > 0 ? ('ill' as const) : running.length === 0 ? ('off' as const) : ('well' as const) }),
  };
}

const networkNode = (label: string, wanted: DesiredNetwork, live: LiveNetwork | undefined): GraphNode => ({
  id: `network ${wanted.name}`,
  kind: 'network',
  label: tame(label),
  details: [
    ...(wanted.driver === 'bridge' ? [] : [parentWords(wanted, live)]),
    ...(wanted.internal ? ['internal'] : []),
    ...(wanted.external ? ['external'] : []),
    ...(live?.subnets ?? wanted.ipam).flatMap(({ subnet }) => (subnet === undefined ? [] : [tame(subnet)])),
    ...(live && live.damage.length > 0 ? ['damaged'] : []),
  ],
});

/** `macvlan upon eth0` */
function parentWords({ driver, driverOpts }: DesiredNetwork, live: LiveNetwork | undefined): string {
  const parent = live?.parent ?? driverOpts['parent'];
  return parent ? `${driver} upon ${tame(parent)}` : driver;
}

/** Ports that the engine chooses are known once it has. */
function portsOf({ ports }: DesiredContainer, live: LiveContainer | undefined): readonly LivePort[] {
  return ports.map((port) => {
    if (port.published !== 0) return port;
    const chosen = live?.publishers.find(
      (one) => one.protocol === port.protocol && one.target === port.target && one.hostIp === port.hostIp,
    );
    return chosen ?? port;
  });
}

const outer = ({ hostIp, published, protocol }: LivePort): string => {
  const host = hostIp === '' ? '' : hostIp.includes(':') ? `[${hostIp}]:` : `${hostIp}:`;
  return tame(`${host}${published === 0 ? 'any' : published}/${protocol}`);
};

const RANK: Readonly<Record<GraphNode['kind'], number>> = { port: 0, service: 1, network: 2, volume: 3 };

/** The same picture whatever the order of the facts. */
function ordered(graph: Graph): Graph {
  const depth = depths(graph);
  const key = ({ id, kind }: GraphNode) => RANK[kind] * 1000 + (depth.get(id) ?? 0);
  const nodes = [...graph.nodes].sort(
    (a, b) => key(a) - key(b) || a.label.localeCompare(b.label, 'en', { numeric: true }) || (a.id < b.id ? -1 : 1),
  );
  const place = new Map(nodes.map(({ id }, index) => [id, index]));
  const edges = [...graph.edges].sort(
    (a, b) =>
      place.get(a.from)! - place.get(b.from)! || place.get(a.to)! - place.get(b.to)! || (a.kind < b.kind ? -1 : 1),
  );
  return { ...graph, nodes, edges };
}

/** Both sides in one picture: what only one of them has comes or goes, and the plan tells what happens to the rest. */
export function planned(live: Graph, wanted: Graph, plan: Plan, services: ReadonlyMap<string, string>): Graph {
  const told = new Map<string, Set<GraphChange>>();
  for (const { resource, kind } of changesOf(plan)) {
    const [type = '', name = ''] = [
      resource.slice(0, resource.indexOf(' ')),
      resource.slice(resource.indexOf(' ') + 1),
    ];
    if (kind === 'wait') continue;
    const id = type === 'container' ? `service ${services.get(name) ?? name}` : `${type} ${name}`;
    told.set(id, (told.get(id) ?? new Set()).add(kind === 'change' ? 'update' : kind));
  }
  const [had, has] = [
    new Map(live.nodes.map((one) => [one.id, one])),
    new Map(wanted.nodes.map((one) => [one.id, one])),
  ];
  const nodes = [...new Set([...has.keys(), ...had.keys()])].map((id): GraphNode => {
    const [before, after] = [had.get(id), has.get(id)];
    const one = after === undefined ? before! : { ...after, details: detailsOf(before, after) };
    const change =
      one.kind === 'port' || id.startsWith('mount ')
        ? (comesOrGoes(before, after) ?? (before?.mark === after?.mark ? undefined : 'update'))
        : changeOf(told.get(id), before !== undefined, after !== undefined);
    return change === undefined ? one : { ...one, change };
  });
  const changes = new Map(nodes.map(({ id, change }) => [id, change]));
  const keyOf = ({ kind, from, to }: GraphEdge) => `${kind} ${from} → ${to}`;
  const [edgesHad, edgesHas] = [
    new Map(live.edges.map((one) => [keyOf(one), one])),
    new Map(wanted.edges.map((one) => [keyOf(one), one])),
  ];
  const edges = [...new Set([...edgesHas.keys(), ...edgesHad.keys()])].flatMap((key): GraphEdge[] => {
    const [before, after] = [edgesHad.get(key), edgesHas.get(key)];
    const one = (after ?? before)!;
    const isLeft = after === undefined && changes.get(one.from) === undefined && changes.get(one.to) === undefined;
    const change = isLeft ? undefined : comesOrGoes(before, after);
    return [change === undefined ? one : { ...one, change }];
  });
  return ordered({ project: wanted.project, of: 'plan', nodes, edges });
}

/** The first line of a service is its image; what begins with a slash is a mount of its own. */
function detailsOf(before: GraphNode | undefined, { kind, details }: GraphNode): readonly string[] {
  if (kind !== 'service' || before === undefined) return details;
  const [image = '', ...rest] = details;
  const had = before.details[0] ?? image;
  const isOwn = (line: string) => line.startsWith('/');
  return [
    had === image ? image : `${had} → ${image}`,
    ...rest.map((line) => (isOwn(line) && !before.details.includes(line) ? `+ ${line}` : line)),
    ...before.details.filter((line) => isOwn(line) && !details.includes(line)).map((line) => `- ${line}`),
  ];
}

const comesOrGoes = (before: unknown, after: unknown): GraphChange | undefined =>
  before === undefined ? 'create' : after === undefined ? 'remove' : undefined;

/** Of several containers, one may come while the others stay. */
function changeOf(
  told: ReadonlySet<GraphChange> | undefined,
  wasThere: boolean,
  isWanted: boolean,
): GraphChange | undefined {
  if (told === undefined) return undefined;
  if (told.has('recreate')) return 'recreate';
  const [only] = told;
  if (told.size > 1 || (only === 'create' && wasThere) || (only === 'remove' && isWanted)) return 'update';
  return only;
}
