/** Makes networks: records first, then all bridges in one program, then forwarding. And puts back what is lost of them. */
import { randomBytes } from 'node:crypto';
import { unlink } from 'node:fs/promises';
import type { DesiredNetwork } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { LaunchOp } from '../launcher/ops.ts';
import { readContainerRecords } from '../state/container-records.ts';
import { withFolderLock } from '../state/file-lock.ts';
import { makeFolder, writeRecord } from '../state/files.ts';
import { networkRecord, type Paths } from '../state/paths.ts';
import { type NetworkRecord, RECORD_VERSION } from '../state/records.ts';
import { syncFirewall } from './apply-firewall.ts';
import { addressOps, aliasOf, bridgeOps, bridgeSettings, hostAddresses, removeBridgeOps, request } from './bridge.ts';
import { checkNetwork } from './check-network.ts';
import { parentProblems } from './check-parents.ts';
import { isForwarding, type LinkFact, readAliases, readFirewall, readLinks, readRoutes } from './facts.ts';
import { type Before, formatBefore, forwardingBefore, rememberedBefore, turnForwardingOn } from './forwarding.ts';
import { bridgeIndex, bridgeName, owned } from './names.ts';
import { findNetwork, networksDir, readNetworkRecords } from './network-records.ts';
import { optionsOf } from './options.ts';
import { isBridge, vlanOf } from './parent-options.ts';
import { parentGone, parentIndex, parentOf, parentOps, removeParentOps } from './parents.ts';
import type { Runner } from './programs.ts';
import { setLink } from './rtnetlink.ts';
import { allotSubnets } from './subnets.ts';

export interface NetworkContext {
  readonly paths: Paths;
  /** 4 hexadecimal digits. */
  readonly instance: string;
  /** Runs a program in the host's namespaces, in one launcher; rejects with the explained failure. */
  readonly run: (ops: readonly LaunchOp[]) => Promise<unknown>;
  /** Who runs the host's programs; absent: this process. */
  readonly program?: Runner;
}

const SOCKET = 0;
/** Writes the records (subnets allotted), makes all bridges in one program, turns forwarding on. Existing ones are left alone. */
export async function createNetworks(
  context: NetworkContext,
  wanted: readonly DesiredNetwork[],
): Promise<NetworkRecord[]> {
  wanted.forEach(checkNetwork);
  const { paths } = context;
  const missing = wanted.filter(({ name }) => findNetwork(paths, name) === undefined);
  const foreign = missing.find(({ external }) => external);
  if (foreign !== undefined) throw notThere(foreign.name);
  const [unusable] = await parentProblems(context, missing, readNetworkRecords(paths));
  if (unusable !== undefined) throw unusable;
  const looking = lookAtHost(paths, wanted);
  const made = missing.length === 0 ? [] : await writeRecords(context, missing, looking);
  const records = wanted.map(({ name }) => findNetwork(paths, name)!);
  try {
    await makeBridges(context, records, await looking);
  } catch (error) {
    await undo(context, made);
    throw error;
  }
  return records;
}

async function writeRecords(
  { paths, instance }: NetworkContext,
  missing: readonly DesiredNetwork[],
  looking: Promise<HostView>,
): Promise<NetworkRecord[]> {
  makeFolder(networksDir(paths));
  const [{ prefixes, defaultDevice }, { links }] = await Promise.all([readRoutes(usesIpv6(missing)), looking]);
  const defaultMtu = (defaultDevice && links.get(defaultDevice)?.mtu) || 1500;
  // Locked: two projects must not be given one subnet.
  return await withFolderLock(networksDir(paths), async () => {
    const known = readNetworkRecords(paths);
    const made: NetworkRecord[] = [];
    for (const network of missing) {
      if (known.some(({ name }) => name === network.name)) continue;
      const id = freshId(instance, [...known, ...made]);
      const options = optionsOf(network);
      const others = [...known, ...made];
      const bridge = isBridge(network) ? (options.bridge ?? bridgeName(instance, id)) : '';
      if (isBridge(network)) mustBeFree(network, bridge, { links, others });
      made.push({
        version: RECORD_VERSION,
        id,
        name: network.name,
        createdAt: new Date().toISOString(),
        madeFrom: network,
        bridge,
        ...(!isBridge(network) && { parent: parentOf(network, { id, instance, others }) }),
        mtu: options.mtu ?? (isBridge(network) ? defaultMtu : 0),
        subnets: allotSubnets(network, id, { networks: others, host: prefixes }),
      });
    }
    await Promise.all(made.map((record) => writeRecord(networkRecord(paths, record.name), record)));
    return made;
  });
}

/** A name that the user has chosen: another's interface is not touched, whatever it is for. */
function mustBeFree(
  network: DesiredNetwork,
  bridge: string,
  { links, others }: { readonly links: HostView['links']; readonly others: readonly NetworkRecord[] },
): void {
  const other = others.find((record) => bridgeIndex(record.bridge) === bridgeIndex(bridge));
  if (other === undefined && !links.has(bridge)) return;
  throw new TcomposeError(
    `the network ${network.name} asks for the interface name ${bridge}, which ${other ? `the network ${other.name}` : 'an interface of this host'} has`,
    {
      code: 'network-unusable',
      address: `network/${network.name}`,
      help: 'choose another com.docker.network.bridge.name',
    },
  );
}

function freshId(instance: string, others: readonly NetworkRecord[]): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    const index = bridgeIndex(bridgeName(instance, id));
    if (!others.some(({ bridge }) => bridgeIndex(bridge) === index)) return id;
  }
}

interface HostView {
  readonly links: ReadonlyMap<string, LinkFact>;
  readonly aliases: ReadonlyMap<string, string>;
  readonly families: readonly (4 | 6)[];
  readonly before: Before;
}

const usesIpv6 = (networks: readonly DesiredNetwork[]): boolean => networks.some(({ enableIpv6 }) => enableIpv6);

/** All that has to be asked, at once: each question is a program. */
async function lookAtHost(paths: Paths, networks: readonly DesiredNetwork[]): Promise<HostView> {
  const bridged = networks.filter(isBridge);
  const families = bridged.length === 0 ? [] : usesIpv6(bridged) ? ([4, 6] as const) : ([4] as const);
  const off = families.filter((family) => !isForwarding(family));
  const [links, aliases, firewall] = await Promise.all([
    readLinks(),
    readAliases(),
    off.length > 0 ? readFirewall({ ipv6: off.includes(6) }) : undefined,
  ]);
  return { links, aliases, families, before: forwardingBefore(rememberedBefore(paths, aliases), off, firewall) };
}

async function makeBridges(
  context: NetworkContext,
  records: readonly NetworkRecord[],
  { links, aliases, families, before }: HostView,
): Promise<void> {
  const memo = formatBefore(before);
  const parents = records.filter(({ parent }) => parent !== undefined);
  mustHaveParents(parents);
  const bridges = records.filter(({ madeFrom }) => isBridge(madeFrom));
  const parentsMade = parents.flatMap((network) => parentOps(SOCKET, network, context.instance));
  const bridgesMade = bridges.flatMap((network) => {
    const link = links.get(network.bridge);
    const isOurs = link?.index === bridgeIndex(network.bridge);
    if (link !== undefined && !isOurs) mustBeOurs(context, network, aliases.get(network.bridge));
    if (isOurs)
      return mendOps(network, link, {
        is: aliases.get(network.bridge),
        should: aliasOf(context.instance, network.name, memo),
      });
    return bridgeOps(SOCKET, { network, instance: context.instance, memo, replaces: link !== undefined });
  });
  const ops = [...parentsMade, ...bridgesMade];
  if (ops.length > 0) await context.run([{ op: 'netlink-open', slot: SOCKET }, ...ops]);
  if (bridges.length > 0) await turnForwardingOn(context.paths, before, families);
}

/** What the user has named and is not there is not ours to make, unless it is a VLAN upon what is there. */
function mustHaveParents(networks: readonly NetworkRecord[]): void {
  for (const { name, parent } of networks) {
    const needed = parent?.made === 'vlan' ? vlanOf(parent.name)?.base : parent?.made ? undefined : parent?.name;
    if (needed !== undefined && parentIndex(needed) === undefined) throw parentGone(name, needed);
  }
}

/** What has a name that the user has chosen may be anybody's; under a name of our making there is nothing but ours. */
function mustBeOurs({ instance }: NetworkContext, { name, bridge, madeFrom }: NetworkRecord, alias = ''): void {
  if (optionsOf(madeFrom).bridge === undefined || alias.startsWith(owned(instance, name))) return;
  throw new TcomposeError(`the bridge ${bridge} of the network ${name} is gone, and another interface has its name`, {
    code: 'network-unusable',
    address: `network/${name}`,
    help: `remove or rename that one:\n    ip link show ${bridge}`,
  });
}

/** Nothing when nothing is missing. */
function mendOps(
  network: NetworkRecord,
  link: LinkFact,
  alias: { is: string | undefined; should: string },
): LaunchOp[] {
  const isWhole = hostAddresses(network).every((address) => link.addresses.includes(address));
  if (isWhole && link.isUp && alias.is === alias.should) return [];
  const up = setLink({ link: link.index, up: true, alias: alias.should });
  return [...bridgeSettings(network), ...addressOps(SOCKET, network), request(SOCKET, up)];
}

/** Puts back bridges, their addresses and settings, and the firewall. Afterwards: interfaces of running containers, names. */
export async function repairNetworks(context: NetworkContext, names: readonly string[]): Promise<void> {
  const records = names.map((name) => {
    const record = findNetwork(context.paths, name);
    if (record === undefined) throw notThere(name);
    return record;
  });
  await makeBridges(
    context,
    records,
    await lookAtHost(
      context.paths,
      records.map(({ madeFrom }) => madeFrom),
    ),
  );
  const { paths } = context;
  await syncFirewall(context, () => ({ networks: readNetworkRecords(paths), containers: readContainerRecords(paths) }));
}

async function undo({ paths, run }: NetworkContext, made: readonly NetworkRecord[]): Promise<void> {
  if (made.length === 0) return;
  const names = new Set(made.map(({ name }) => name));
  const staying = readNetworkRecords(paths).filter(({ name }) => !names.has(name));
  const bridges = made.filter(({ madeFrom }) => isBridge(madeFrom)).reverse();
  const ops = [
    ...bridges.flatMap(({ bridge }) => removeBridgeOps(SOCKET, bridge)),
    ...removeParentOps(SOCKET, made, staying),
  ];
  await run([{ op: 'netlink-open', slot: SOCKET }, ...ops]).catch(() => undefined);
  await Promise.all(made.map(({ name }) => unlink(networkRecord(paths, name)).catch(() => undefined)));
}

const notThere = (name: string): TcomposeError =>
  new TcomposeError(`the network ${name} does not exist`, {
    code: 'network-missing',
    address: `network/${name}`,
    help: 'bring up the project that it belongs to, or remove "external: true"',
  });
