/** The network room's only door: addresses, bridges, interfaces, port maps, and what the kernel says about them. */
import { readFileSync } from 'node:fs';
import type { LaunchOp } from '../launcher/ops.ts';
import type { NetworkRecord } from '../state/records.ts';
import { linkNames, type NetworkFacts } from './facts.ts';
import { isThereIn, type NetworkSetup, type Running, repairOps, type Supervisor, setupOps } from './interfaces.ts';
import { attachOps, type Rewiring } from './rewire.ts';

export { isSame as hasSameRules, syncFirewall } from './apply-firewall.ts';
export { isGuardThere, spoofGuardTrial } from './apply-spoof-guard.ts';
export { addressProblems } from './check-addresses.ts';
export { parentProblems } from './check-parents.ts';
export { clashesOf, mainRoutes } from './clashes.ts';
export { createNetworks, type NetworkContext, repairNetworks } from './create-networks.ts';
export { damageOf, leftoverNames, type NetworkDamage } from './damage.ts';
export { allotEndpoints, type Records } from './endpoints.ts';
export { type LinkFact, type NetworkFacts, readNetworkFacts } from './facts.ts';
export { encodeHeld, heldSockets } from './held-ports.ts';
export type { NetworkSetup, Running, Supervisor } from './interfaces.ts';
export { isOutOfReach, isUponParent } from './main-endpoint.ts';
export { findNetwork, readNetworkRecords } from './network-records.ts';
export { isWithoutGateway } from './options.ts';
export { formatPort, type PortConflict, type PortRequest, portError } from './ports.ts';
export { removeLeftovers } from './remove-leftovers.ts';
export { removeNetworks } from './remove-networks.ts';
export { type Claims, type ResolvedPorts, resolvePorts } from './resolve-ports.ts';
export { detachOps as networkDetachOps } from './rewire.ts';
export { holdersOf } from './socket-holders.ts';
export { tryPorts } from './try-ports.ts';

/**
 * First operations of a supervisor's `setup`: makes its network namespace and everything in it, and closes its slots again. With
 * `networkMode.kind` `container`: `sharedWith` is the supervisor of the other one. Nothing for `host`.
 */
export const networkSetupOps = (setup: NetworkSetup, sharedWith?: Supervisor): LaunchOp[] =>
  setupOps({ ...setup, hairpin: seesBridgedFrames() }, sharedWith);

/** For running containers: puts back, in one program run in the host's namespaces, only what `facts` says is missing. */
export const networkRepairOps = (
  running: readonly Running[],
  networks: readonly NetworkRecord[],
  instance: string,
  facts: NetworkFacts,
): LaunchOp[] => repairOps(running, { networks, instance, firstSlot: 0, hairpin: seesBridgedFrames() }, facts);

/** For a running container that is changed in place: makes what is new, readdresses what stays. Empty: nothing to do. */
export const networkAttachOps = (
  rewiring: Omit<Rewiring, 'isThere'>,
  networks: readonly NetworkRecord[],
  instance: string,
): LaunchOp[] => {
  const isThere = isThereIn(rewiring, { links: new Set(linkNames()) });
  const setup = { networks, instance, firstSlot: 0, hairpin: seesBridgedFrames() };
  return attachOps({ ...rewiring, isThere }, setup);
};

/** br_netfilter is loaded and hands bridged frames to iptables. */
function seesBridgedFrames(): boolean {
  try {
    return readFileSync('/proc/sys/net/bridge/bridge-nf-call-iptables', 'utf8').trim() === '1';
  } catch {
    return false;
  }
}
