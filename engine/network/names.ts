/** What the room's kernel objects are called: each name tells the instance, each alias and comment tells the owner. */
import { createHash } from 'node:crypto';

export const bridgePrefix = (instance: string): string => `tcb${instance}`;
export const vethPrefix = (instance: string): string => `tcv${instance}`;
export const dummyPrefix = (instance: string): string => `tcd${instance}`;
/** Of every instance on this machine. */
export const ANY_BRIDGE = 'tcb';
export const ANY_VETH = 'tcv';

export const bridgeName = (instance: string, networkId: string): string =>
  `${bridgePrefix(instance)}${networkId.slice(0, 8)}`;

export const vethName = (instance: string, containerId: string, network: string): string =>
  `${vethPrefix(instance)}${createHash('sha256').update(`${containerId} ${network}`).digest('hex').slice(0, 8)}`;

/**
 * A bridge's index follows from its name (one of ours ends in random digits), so that programs can name it before it is there and without asking. Far above what the
 * kernel gives out by itself; within 31 bits.
 */
export const bridgeIndex = (bridge: string): number =>
  0x1000000 + Number.parseInt(/^tcb[0-9a-f]{12}$/.test(bridge) ? bridge.slice(-6) : digest(bridge, 6), 16);

/**
 * Of a link upon a parent, in its container. The kernel looks whether an index is taken where it is asked, on the host, so it is far from
 * what is given out there, and from bridges.
 */
export const childIndex = (containerId: string, network: string): number =>
  0x2000000 + Number.parseInt(digest(`${containerId} ${network}`, 6), 16);

const digest = (text: string, digits: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, digits);

/** Whether an alias says that its link is a bridge or veth of any instance's. */
export const isOwned = (alias: string | undefined): boolean => /^tcompose [0-9a-f]{4} /.test(alias ?? '');

/** They stand in rules, paths and messages to the kernel: dev_valid_name() lets more through. */
export const isInterfaceName = (name: string): boolean =>
  /^[a-zA-Z0-9][\w.-]{0,14}$/.test(name) && !['lo', 'all', 'default'].includes(name);

/** Names are the users': what comments and aliases could not carry is replaced. */
export const owned = (instance: string, owner: string): string =>
  `tcompose ${instance} ${owner.replace(/[^\w.@:+-]/g, '?').slice(0, 120)}`;
