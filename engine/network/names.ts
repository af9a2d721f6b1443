/** What the room's kernel objects are called: each name tells the instance, each alias and comment tells the owner. */
import { createHash } from 'node:crypto';

export const bridgePrefix = (instance: string): string => `tcb${instance}`;
export const vethPrefix = (instance: string): string => `tcv${instance}`;
/** Of every instance on this machine. */
export const ANY_BRIDGE = 'tcb';

export const bridgeName = (instance: string, networkId: string): string =>
  `${bridgePrefix(instance)}${networkId.slice(0, 8)}`;

export const vethName = (instance: string, containerId: string, network: string): string =>
  `${vethPrefix(instance)}${createHash('sha256').update(`${containerId} ${network}`).digest('hex').slice(0, 8)}`;

/**
 * A bridge's index follows from its name, so that programs can name it before it is there and without asking. Far above what the
 * kernel gives out by itself; within 31 bits.
 */
export const bridgeIndex = (bridge: string): number => 0x1000000 + Number.parseInt(bridge.slice(-6), 16);

/** Names are the users': what comments and aliases could not carry is replaced. */
export const owned = (instance: string, owner: string): string =>
  `tcompose ${instance} ${owner.replace(/[^\w.@:+-]/g, '?').slice(0, 120)}`;
