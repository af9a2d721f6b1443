/** Parents of networks without a bridge: which interface it is, what is made where the user means one that is not there, and taken away. */
import { readFileSync } from 'node:fs';
import type { DesiredNetwork } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';
import type { LaunchOp, Slot } from '../launcher/ops.ts';
import type { NetworkRecord } from '../state/records.ts';
import { request } from './bridge.ts';
import { dummyPrefix, owned } from './names.ts';
import { newDummy, newVlan } from './parent-messages.ts';
import { parentOptions, vlanOf } from './parent-options.ts';
import { deleteLink, setLink } from './rtnetlink.ts';

const ENODEV = 19;
const EEXIST = 17;

type Parent = NonNullable<NetworkRecord['parent']>;

/** `others`: networks that are there; what was made for one of them is shared. */
export function parentOf(
  network: DesiredNetwork,
  {
    id,
    instance,
    others,
  }: { readonly id: string; readonly instance: string; readonly others: readonly NetworkRecord[] },
): Parent {
  const { parent } = parentOptions(network);
  if (parent === undefined) return { name: `${dummyPrefix(instance)}${id.slice(0, 8)}`, made: 'dummy' };
  const shared = others.find((other) => other.parent?.name === parent && other.parent.made !== undefined)?.parent;
  if (shared !== undefined) return shared;
  return parentIndex(parent) === undefined && vlanOf(parent) ? { name: parent, made: 'vlan' } : { name: parent };
}

/** Undefined: this host has no such interface. */
export function parentIndex(name: string): number | undefined {
  const index = Number(readSetting(name, 'ifindex'));
  return index > 0 ? index : undefined;
}

export function readSetting(link: string, file: string): string {
  try {
    return readFileSync(`/sys/class/net/${link}/${file}`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Makes those that are ours to make and not there. */
export function parentOps(socket: Slot, { name, parent }: NetworkRecord, instance: string): LaunchOp[] {
  if (parent?.made === undefined || parentIndex(parent.name) !== undefined) return [];
  const vlan = parent.made === 'vlan' ? vlanOf(parent.name) : undefined;
  const message = vlan
    ? newVlan({ name: parent.name, base: parentIndex(vlan.base) ?? 0, id: vlan.id })
    : newDummy(parent.name);
  // Two networks that are made at once may share it.
  return [
    request(socket, message, [EEXIST]),
    request(socket, setLink({ link: parent.name, withoutIpv6: true }), WITHOUT_IPV6),
    request(socket, setLink({ link: parent.name, up: true, alias: owned(instance, name) })),
  ];
}
/** EAFNOSUPPORT, EINVAL, EOPNOTSUPP: a kernel without IPv6. */
const WITHOUT_IPV6 = [97, 22, 95];

/** What was made for `leaving` and serves none of the others. */
export function removeParentOps(
  socket: Slot,
  leaving: readonly NetworkRecord[],
  staying: readonly NetworkRecord[],
): LaunchOp[] {
  const used = new Set(staying.map(({ parent }) => parent?.name));
  const names = leaving.flatMap(({ parent }) => (parent?.made && !used.has(parent.name) ? [parent.name] : []));
  return [...new Set(names)].map((name) => request(socket, deleteLink(name), [ENODEV]));
}

export const parentGone = (network: string, parent: string): TcomposeError =>
  new TcomposeError(`the parent ${parent} of the network ${network} is gone: this host has no such interface`, {
    code: 'parent-unusable',
    address: `network/${network}`,
    help: 'bring that interface back, or name another parent in the file',
  });
