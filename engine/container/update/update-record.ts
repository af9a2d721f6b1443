/** What the record of a container becomes when it is changed in place: all that was allotted stays as far as it still fits. */
import { isDeepStrictEqual } from 'node:util';
import type { DesiredContainer, DesiredPort } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { LivePort } from '../../../src/model/live.ts';
import { allotEndpoints, isOutOfReach, portError, type Records, resolvePorts } from '../../network/index.ts';
import type { ContainerRecord, EndpointRecord, MountRecord } from '../../state/records.ts';
import { resolveMounts } from '../../volume/index.ts';
import { noSuchContainer } from '../unknown.ts';

export interface RecordChange {
  readonly from: ContainerRecord;
  /** With `before` where more than the record is to be changed. */
  readonly to: ContainerRecord;
}

export interface Drafted {
  readonly changes: readonly RecordChange[];
  readonly failed: ReadonlyMap<string, Error>;
}

/** Container → addresses that others ask for by number. */
export type Avoid = ReadonlyMap<string, readonly string[]>;

interface Circumstances {
  readonly instance: string;
  readonly isUp: (record: ContainerRecord) => boolean;
  readonly avoid?: Avoid;
}

/** `records`: all of the instance. `isUp`: it has a network of its own in the kernel. Nothing is touched. */
export function draftChanges(
  wanted: readonly DesiredContainer[],
  records: Records,
  { instance, isUp, avoid = new Map() }: Circumstances,
): Drafted {
  const failed = new Map<string, Error>();
  const known = new Map(records.containers.map((record) => [record.name, record]));
  // Addresses that a member of this batch lets go of are free for the others, whichever comes first.
  const present = new Map(known);
  for (const container of wanted) {
    const record = known.get(container.name);
    if (record !== undefined)
      present.set(container.name, withoutLeaving(record, container, avoid.get(container.name) ?? []));
  }
  const idle = new Set(records.containers.flatMap((one) => (one.wanted || isUp(one) ? [] : [one.id])));
  const changes: RecordChange[] = [];
  for (const container of wanted) {
    const from = known.get(container.name);
    try {
      if (from === undefined) throw noSuchContainer(container.name);
      const others = [...present.values()].filter(({ name }) => name !== container.name);
      const endpoints = endpointsOf(
        from,
        container,
        {
          networks: records.networks,
          containers: others,
          coming: wanted,
          avoid: avoid.get(container.name) ?? [],
          idle,
        },
        {
          instance,
          isWired: isUp(from),
        },
      );
      const mounts = mountsOf(from, container, present);
      const to = { ...from, madeFrom: container, endpoints, mounts };
      present.set(container.name, to);
      changes.push({ from, to });
    } catch (error) {
      failed.set(container.name, error as Error);
    }
  }
  const published = withPorts(changes, records, isUp, failed);
  return { changes: published.filter(({ to }) => !failed.has(to.name)).map(withBefore), failed };
}

function endpointsOf(
  from: ContainerRecord,
  container: DesiredContainer,
  others: Records,
  { instance, isWired }: { readonly instance: string; readonly isWired: boolean },
): readonly EndpointRecord[] {
  const { networkMode } = container;
  if (
    networkMode.kind !== from.madeFrom.networkMode.kind ||
    (networkMode.kind !== 'bridge' && container.attachments[0])
  )
    throw notInPlace(from, networkMode.kind);
  return allotEndpoints(container, from.id, others, instance, { endpoints: mayHave(from), isWired });
}

/** Anonymous volumes stay where they are. */
const mountsOf = (
  from: ContainerRecord,
  container: DesiredContainer,
  present: ReadonlyMap<string, ContainerRecord>,
): readonly MountRecord[] =>
  isDeepStrictEqual(container.mounts, from.madeFrom.mounts)
    ? from.mounts
    : resolveMounts({
        mounts: container.mounts,
        // The planner has named them all among the container's mounts.
        imageVolumes: [],
        inherited: from.mounts,
        mountsOf: (name) => present.get(name)?.mounts,
      });

const notInPlace = ({ name, madeFrom }: ContainerRecord, kind: string) =>
  new TcomposeError(
    `container ${name} has the network mode ${madeFrom.networkMode.kind} and cannot be connected to networks`,
    {
      code: 'network-mode',
      address: `container/${name}`,
      help:
        kind === 'bridge'
          ? 'make it anew, with networks'
          : `leave it without networks, or without network_mode: ${kind}`,
    },
  );

/** What it has, and what is left of a change that was not finished; each says its place, since the list becomes another one. */
export function mayHave({ endpoints, before = [] }: ContainerRecord): readonly EndpointRecord[] {
  const placed = endpoints.map((endpoint, i) => ({ ...endpoint, position: endpoint.position ?? i }));
  const known = new Set(placed.map(({ network }) => network));
  return [...placed, ...before.filter(({ network }) => !known.has(network))];
}

const mayHold = ({ publishers, publishersBefore = [] }: ContainerRecord): readonly LivePort[] => [
  ...publishers,
  ...publishersBefore.filter((port) => !publishers.some((other) => isDeepStrictEqual(port, other))),
];

function withoutLeaving(
  record: ContainerRecord,
  { attachments }: DesiredContainer,
  avoid: readonly string[],
): ContainerRecord {
  const stays = (had: string, asked: string | undefined) =>
    asked === undefined ? !avoid.includes(had) : asked === had;
  const endpoints = record.endpoints.flatMap((endpoint): readonly EndpointRecord[] => {
    const wanted = attachments.find(({ network }) => network === endpoint.network);
    if (wanted === undefined) return [];
    const { ipv4, ipv6, ...rest } = endpoint;
    return [
      {
        ...rest,
        ...(ipv4 && stays(ipv4.address, wanted.ipv4) ? { ipv4 } : {}),
        ...(ipv6 && stays(ipv6.address, wanted.ipv6) ? { ipv6 } : {}),
      },
    ];
  });
  return { ...record, endpoints };
}

/** Of those that are to run; the others get theirs with their start. Maps that stay are not looked at: they are held already, by us. */
function withPorts(
  changes: readonly RecordChange[],
  records: Records,
  isAlive: (record: ContainerRecord) => boolean,
  failed: Map<string, Error>,
): readonly RecordChange[] {
  const portsOf = askedPorts(records);
  const asking = changes.filter(({ from, to }) => from.wanted && !isDeepStrictEqual(portsOf(from), portsOf(to)));
  if (asking.length === 0) return changes;
  const kept = new Map(asking.map((change) => [change.to.name, keptPorts(change, portsOf)]));
  const holders = records.containers.map((record): ContainerRecord => {
    const own = kept.get(record.name);
    // Under a name that asks for nothing: what it keeps is in the way of what it is to get.
    return own ? { ...record, name: `${record.name} itself`, publishers: own.flatMap((port) => port ?? []) } : record;
  });
  const { publishers, conflicts } = resolvePorts(
    asking.map(({ from, to }) => ({
      container: to.name,
      ports: portsOf(to).filter((_, i) => kept.get(to.name)![i] === undefined),
      before: from.publishers,
    })),
    { ...records, containers: holders },
    { all: records.containers, isAlive },
  );
  for (const { to } of asking) {
    const own = conflicts.filter(({ container }) => container === to.name);
    if (own.length > 0) failed.set(to.name, portError(own));
  }
  return changes.map((change) => {
    const own = kept.get(change.to.name);
    if (own === undefined) return change;
    const fresh = [...(publishers.get(change.to.name) ?? [])];
    return { ...change, to: { ...change.to, publishers: own.map((port) => port ?? fresh.shift()!) } };
  });
}

/** None where the host leads nothing to it. */
const askedPorts =
  ({ networks }: Records) =>
  (record: ContainerRecord): readonly DesiredPort[] =>
    isOutOfReach(record, networks) ? [] : record.madeFrom.ports;

/** For each wanted map what it has by now, so that a port that was chosen for it stays; undefined: it is new. */
function keptPorts(
  { from, to }: RecordChange,
  portsOf: ReturnType<typeof askedPorts>,
): readonly (LivePort | undefined)[] {
  const left = portsOf(from).map((port, i) => ({ port, has: from.publishers[i] }));
  return portsOf(to).map((wanted) => {
    const index = left.findIndex(({ port, has }) => has !== undefined && isDeepStrictEqual(port, wanted));
    return index < 0 ? undefined : left.splice(index, 1)[0]!.has;
  });
}

/** Labels alone change nothing that anybody but the record knows. */
function withBefore({ from, to }: RecordChange): RecordChange {
  const { before: _, publishersBefore: __, ...rest } = to;
  const isDone = from.before === undefined && isDeepStrictEqual(visible(from), visible(to));
  return { from, to: isDone ? rest : { ...rest, before: mayHave(from), publishersBefore: mayHold(from) } };
}

const visible = ({
  madeFrom: { ports, links, exposed, extraHosts, dns },
  endpoints,
  publishers,
  mounts,
}: ContainerRecord) => ({
  mounts,
  ports,
  links,
  exposed,
  extraHosts,
  dns,
  endpoints,
  publishers,
});
