/** Networks made and removed by hand: they belong to no project, and projects use them as `external`. */
import { defaultBridge, isDefaultBridge } from '../model/default-bridge.ts';
import type { DesiredNetwork } from '../model/desired.ts';
import { TcomposeError, TcomposeErrors } from '../model/errors.ts';
import type { LiveContainer, LiveNetwork } from '../model/live.ts';
import { newDraft } from '../plan/draft.ts';
import { attachedTo } from '../plan/objects.ts';
import { requested } from '../plan/reasons.ts';
import { carryOut, withLock } from './carry-out.ts';
import type { Context } from './context.ts';
import { type NetworkFilter, passesAll } from './network-filter.ts';

export type NewNetwork = Partial<Omit<DesiredNetwork, 'external'>> & Pick<DesiredNetwork, 'name'>;

/** The new network's id. */
export async function createNetwork(context: Context, wish: NewNetwork): Promise<string> {
  const { engine } = context;
  return await withLock(context, wish.name, 'network create', async () => {
    if (isDefaultBridge(wish.name)) throw predefined(wish.name);
    if (await engine.networks.find(wish.name)) throw exists(wish.name);
    const network: DesiredNetwork = { ...defaultBridge, ...wish };
    const errors = await engine.check({ containers: [], networks: [network], volumes: [] }, new Set());
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new TcomposeErrors(errors);
    const draft = newDraft('');
    draft.add({ kind: 'network.create', network }, [requested()]);
    await carryOut(context, draft.finish());
    return (await engine.networks.find(wish.name))?.id ?? '';
  });
}

/** Names as they were given, of those that are gone. All that can go goes; then one error for each that cannot. */
export async function removeNetworks(
  context: Context,
  names: readonly string[],
  options: { readonly force: boolean },
): Promise<{ readonly removed: readonly string[]; readonly errors: readonly Error[] }> {
  const { engine } = context;
  const removed: string[] = [];
  const errors: Error[] = [];
  for (const name of names) {
    try {
      const network = await engine.networks.find(name);
      if (network === undefined) {
        if (!options.force) throw missing(name);
        continue;
      }
      if (isDefaultBridge(network.name)) throw predefined(network.name);
      await remove(context, network);
      removed.push(name);
    } catch (error) {
      errors.push(error as Error);
    }
  }
  return { removed, errors };
}

/** Names of networks that no container has a place on, a stopped one included. */
export async function unusedNetworks(
  { engine }: Context,
  filters: readonly NetworkFilter[],
): Promise<readonly string[]> {
  const { networks, containers } = await engine.snapshot({ networkDamage: false });
  return networks
    .filter((network) => !isDefaultBridge(network.name) && usersOf(network.name, containers).length === 0)
    .filter((network) => passesAll(filters, network, containers))
    .map(({ name }) => name)
    .sort();
}

export async function pruneNetworks(context: Context, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const network = await context.engine.networks.find(name);
    if (network) await remove(context, network);
  }
}

const usersOf = (name: string, containers: readonly LiveContainer[]) =>
  containers.filter((container) => attachedTo(container, name));

async function remove(context: Context, { name }: LiveNetwork): Promise<void> {
  await withLock(context, name, 'network rm', async () => {
    const draft = newDraft('');
    draft.add({ kind: 'network.remove', network: name }, [requested()]);
    await carryOut(context, draft.finish());
  });
}

const missing = (name: string) =>
  new TcomposeError(`no such network: ${name}`, { code: 'no-such-network', help: 'see `tcompose network ls`' });

const exists = (name: string) =>
  new TcomposeError(`network with name ${name} already exists`, {
    code: 'network-exists',
    address: `network/${name}`,
    help: `look at it:\n    tcompose network inspect ${name}`,
  });

const predefined = (name: string) =>
  new TcomposeError(`${name} is a pre-defined network: it is neither made nor removed by hand`, {
    code: 'network-predefined',
    address: `network/${name}`,
    help: 'it comes with the first container of network_mode bridge and goes with the last project on it',
  });
