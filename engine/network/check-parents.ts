/** What a parent cannot be, found before anything is touched: it is not there, others use it in another way, the kernel lacks the driver. */
import { existsSync } from 'node:fs';
import type { DesiredNetwork } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import { LaunchError } from '../launcher/launcher.ts';
import { type LaunchOp, slotFd } from '../launcher/ops.ts';
import type { NetworkRecord } from '../state/records.ts';
import { request } from './bridge.ts';
import { inTheWay } from './child-ops.ts';
import type { NetworkContext } from './create-networks.ts';
import { childIndex } from './names.ts';
import { optionsOf } from './options.ts';
import { newChild, newDummy, newVlan } from './parent-messages.ts';
import { isBridge, parentOptions, vlanOf } from './parent-options.ts';
import { parentIndex, readSetting } from './parents.ts';

const CLONE_NEWNET = 0x40000000;
const O_CLOEXEC = 0o2000000;
const ERRNO = { EBUSY: 16, EEXIST: 17, EOPNOTSUPP: 95 } as const;
const IFF_LOOPBACK = 8;

/** `networks`: to be made, some of them anew, in place of `records` of that name. All problems, none thrown; at most one a network. */
export async function parentProblems(
  { run }: Pick<NetworkContext, 'run'>,
  networks: readonly DesiredNetwork[],
  records: readonly NetworkRecord[],
): Promise<readonly Error[]> {
  const found: Error[] = [];
  const asking = networks.filter((one) => !isBridge(one) && !one.external);
  const isLeaving = ({ name }: NetworkRecord) => networks.some((one) => one.name === name);
  const leaving = new Set(records.filter(isLeaving).flatMap(({ parent }) => parent?.name ?? []));
  const known = records.flatMap((one) => (one.parent && !isLeaving(one) ? [one.madeFrom] : []));
  for (const network of asking) {
    const problem = await problemOf(run, network, { known, leaving }).catch((error: Error) => error);
    if (problem !== undefined) found.push(problem);
    else known.push(network);
  }
  return found;
}

async function problemOf(
  run: NetworkContext['run'],
  network: DesiredNetwork,
  { known, leaving }: { readonly known: readonly DesiredNetwork[]; readonly leaving: ReadonlySet<string> },
): Promise<Error | undefined> {
  const { parent } = parentOptions(network);
  const said =
    parent === undefined
      ? undefined
      : (absent(parent) ?? unfit(parent) ?? tooLarge(network, parent) ?? taken(network, parent, known));
  if (said !== undefined) return unusable(network, ...said);
  // What is on it now goes first, and would be in the way of the attempt.
  return parent !== undefined && leaving.has(parent) ? undefined : await tried(run, network);
}

type Said = readonly [what: string, help: string];

function absent(parent: string): Said | undefined {
  if (parentIndex(parent) !== undefined) return undefined;
  const vlan = vlanOf(parent);
  if (vlan !== undefined && parentIndex(vlan.base) !== undefined) return undefined;
  const what = vlan ? `neither has this host ${vlan.base} to make it on` : 'this host has no such interface';
  return [
    `the parent ${parent}: ${what}`,
    'name one that `ip link` shows, or one with a VLAN tag behind a dot, as eth0.50',
  ];
}

function unfit(parent: string): Said | undefined {
  if ((Number(readSetting(parent, 'flags')) & IFF_LOOPBACK) !== 0)
    return [`the parent ${parent}, a loopback interface`, 'name an interface that leads to other machines'];
  for (const [folder, what] of [
    ['brport', 'a port of a bridge'],
    ['bonding_slave', 'a part of a bond'],
  ] as const) {
    if (existsSync(`/sys/class/net/${parent}/${folder}`))
      return [`the parent ${parent}, which is ${what}`, 'name that one itself as the parent (see: ip link)'];
  }
  return undefined;
}

/** What is upon it can carry no more than it carries itself. */
function tooLarge(network: DesiredNetwork, parent: string): Said | undefined {
  const { mtu = 0 } = optionsOf(network);
  const most = Number(readSetting(parent, 'mtu') || readSetting(vlanOf(parent)?.base ?? parent, 'mtu'));
  return mtu > most && most > 0
    ? [`an MTU of ${mtu}, and its parent ${parent} has ${most}`, `choose ${most} at most, or leave it out`]
    : undefined;
}

function taken(network: DesiredNetwork, parent: string, known: readonly DesiredNetwork[]): Said | undefined {
  const own = parentOptions(network);
  for (const other of known) {
    const theirs = parentOptions(other);
    if (theirs.parent !== parent || other.name === network.name) continue;
    const way = (options: typeof own) => `${options.kind} (${options.mode})`;
    const clash =
      theirs.kind !== own.kind || theirs.isAlone || own.isAlone || (own.kind === 'ipvlan' && theirs.mode !== own.mode);
    if (clash)
      return [
        `the parent ${parent} as ${way(own)}, and the network ${other.name} uses it as ${way(theirs)}`,
        'give one of them another parent (as eth0.50), or the same driver and mode',
      ];
  }
  return undefined;
}

/** What only the kernel knows: a link is made on the very parent, in a network namespace that ends with the attempt. */
async function tried(run: NetworkContext['run'], network: DesiredNetwork): Promise<Error | undefined> {
  const { kind, parent, modeNumber, flagNumber } = parentOptions(network);
  const index = parent === undefined ? undefined : parentIndex(parent);
  const [host, namespace, inside] = [0, 1, 2];
  const namespaceFd = slotFd(namespace);
  const child = (of: number) =>
    newChild({
      kind,
      modeNumber,
      flagNumber,
      parent: of,
      name: 'trial',
      index: childIndex('trial', network.name),
      namespaceFd,
      mtu: 0,
    });
  const ops: LaunchOp[] = [
    { op: 'netlink-open', slot: host },
    { op: 'unshare', flags: CLONE_NEWNET },
    { op: 'open', slot: namespace, path: '/proc/thread-self/ns/net', flags: O_CLOEXEC },
    { op: 'netlink-open', slot: inside },
  ];
  const vlan = parent !== undefined && index === undefined ? vlanOf(parent) : undefined;
  const made = { name: 'parent', index: childIndex('parent', network.name) };
  if (vlan) ops.push(request(host, newVlan({ ...made, base: parentIndex(vlan.base) ?? 0, id: vlan.id, namespaceFd })));
  else if (index === undefined) ops.push(request(inside, newDummy(made.name, made.index)));
  const sent = index === undefined ? request(inside, child(made.index)) : request(host, child(index));
  ops.push({ ...sent, outlast: inTheWay(network) });
  try {
    await run(ops);
    return undefined;
  } catch (error) {
    if (!(error instanceof LaunchError)) return error as Error;
    const what = error.index === ops.length - 1 ? 'child' : vlan ? 'vlan' : 'dummy';
    return unusable(network, ...refusal(network, error, what));
  }
}

function refusal(network: DesiredNetwork, { errno }: LaunchError, what: 'vlan' | 'dummy' | 'child'): Said {
  const { kind, parent = '', mode } = parentOptions(network);
  const module = what === 'vlan' ? '8021q' : what === 'dummy' ? 'dummy' : kind;
  if (errno === ERRNO.EOPNOTSUPP) {
    const lacks = `this kernel has no ${module}`;
    const help = `load the module, or use a kernel that has it:\n    modprobe ${module}`;
    if (what === 'dummy')
      return [`no parent, for which one that leads nowhere is made, and ${lacks}`, `name a parent, or ${help}`];
    return [
      what === 'vlan' ? `the parent ${parent}, and ${lacks} to make it` : `the driver ${kind}, and ${lacks}`,
      help,
    ];
  }
  if (errno === ERRNO.EBUSY)
    return [
      `the parent ${parent}, which something else has taken whole (a bridge, a bond, ${kind === 'macvlan' ? 'ipvlan' : 'macvlan'})`,
      `see what is on it:\n    ip -d link show ${parent}`,
    ];
  if (errno === ERRNO.EEXIST)
    return [
      `the parent ${parent}, and this host has that VLAN under another name`,
      'name that interface as the parent (see: ip -d link show type vlan)',
    ];
  return [
    `the parent ${parent} as ${kind} (${mode}), and the kernel refuses it (errno ${errno})`,
    `see what else uses it:\n    ip -d link show ${parent}`,
  ];
}

const unusable = ({ name }: DesiredNetwork, what: string, help: string): TcomposeError =>
  new TcomposeError(`the network ${name} asks for ${what}`, {
    code: 'parent-unusable',
    address: `network/${name}`,
    help,
  });
