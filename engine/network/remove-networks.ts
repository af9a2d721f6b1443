/** Removes networks: bridges with whatever hangs on them, forwarding with the last one, records at the end. */
import { rm, unlink } from 'node:fs/promises';
import { isDefaultBridge } from '../../src/model/default-bridge.ts';
import { TcomposeError, TcomposeErrors } from '../../src/model/errors.ts';
import { readContainerRecords } from '../state/container-records.ts';
import { forwardingMemo, networkRecord } from '../state/paths.ts';
import type { ContainerRecord } from '../state/records.ts';
import { removeBridgeOps } from './bridge.ts';
import type { NetworkContext } from './create-networks.ts';
import { linkNames, readAliases } from './facts.ts';
import { rememberedBefore, turnForwardingBack } from './forwarding.ts';
import { ANY_BRIDGE, isOwned } from './names.ts';
import { findNetwork, readNetworkRecords } from './network-records.ts';
import { removeParentOps } from './parents.ts';

const SOCKET = 0;

/**
 * Refuses those that a running container uses (`running`: all of the instance), removes the others. Idempotent. The default bridge,
 * which is of no project, stays without a word while anybody has a place on it.
 */
export async function removeNetworks(
  { paths, run }: NetworkContext,
  asked: readonly string[],
  running: readonly ContainerRecord[],
): Promise<void> {
  const names = asked.filter(
    (name) => !isDefaultBridge(name) || usersOf(name, readContainerRecords(paths)).length === 0,
  );
  const users = (name: string) => usersOf(name, running);
  const busy = names.filter((name) => users(name).length > 0);
  const free = names.flatMap((name) => (busy.includes(name) ? [] : (findNetwork(paths, name) ?? [])));
  if (free.length > 0) {
    const [links, aliases] = [new Set(linkNames()), await readAliases()];
    const bridges = free.map(({ bridge }) => bridge).filter((bridge) => bridge !== '');
    const present = bridges.filter((bridge) => links.has(bridge));
    const before = rememberedBefore(paths, aliases);
    const ours = (name: string) =>
      bridges.includes(name) || !(name.startsWith(ANY_BRIDGE) || isOwned(aliases.get(name)));
    // With the last bridges of the host, and while these still remember: whoever comes after a kill finds it there.
    const isLast = [...links].every(ours);
    if (isLast) await turnForwardingBack(paths, before);
    // One program each: a removal is mostly waiting for the kernel's readers, which several do together.
    await Promise.all(
      present.map((bridge) => run([{ op: 'netlink-open', slot: SOCKET }, ...removeBridgeOps(SOCKET, bridge)])),
    );
    // Of two that remove at once, each may have seen the other's; now one sees none.
    if (!isLast && ![...(await readAliases()).values()].some(isOwned)) await turnForwardingBack(paths, before);
    const staying = () => readNetworkRecords(paths).filter(({ name }) => !free.some((one) => one.name === name));
    const removeParents = async () => {
      const ops = removeParentOps(SOCKET, free, staying());
      if (ops.length > 0) await run([{ op: 'netlink-open', slot: SOCKET }, ...ops]);
    };
    await removeParents();
    await Promise.all(free.map(({ name }) => unlink(networkRecord(paths, name))));
    // Of two that shared it and went at once, each may have seen the other's record.
    await removeParents();
    // The bridges of other instances remember for themselves.
    if (readNetworkRecords(paths).length === 0) await rm(forwardingMemo(paths), { force: true });
  }
  if (busy.length > 0) throw new TcomposeErrors(busy.map((name) => inUse(name, users(name))));
}

const usersOf = (name: string, among: readonly ContainerRecord[]): readonly ContainerRecord[] =>
  among.filter(({ endpoints }) => endpoints.some(({ network }) => network === name));

const inUse = (name: string, users: readonly ContainerRecord[]): TcomposeError =>
  new TcomposeError(`the network ${name} is in use by ${users.map((user) => user.name).join(', ')}`, {
    code: 'network-in-use',
    address: `network/${name}`,
    help: 'stop these containers first',
  });
