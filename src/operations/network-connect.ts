/**
 * Connects containers to networks and disconnects them, by hand. What a container is made from says so from then on: so the next plan
 * names the difference to the file, and the next `up` puts it back.
 */
import type { DesiredAttachment, DesiredContainer } from '../model/desired.ts';
import type { Engine } from '../model/engine.ts';
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import { newDraft } from '../plan/draft.ts';
import { projectOf } from '../plan/labels.ts';
import { requested } from '../plan/reasons.ts';
import { carryOut, withLock } from './carry-out.ts';
import type { Context } from './context.ts';

export interface Connection {
  /** By name, by the beginning of its id, or as the container's project calls it. */
  readonly network: string;
  /** By name or the beginning of its id. */
  readonly container: string;
}

export interface ConnectOptions {
  readonly aliases?: readonly string[];
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly interfaceName?: string;
  readonly linkLocalIps?: readonly string[];
  /** `container` or `container:alias`. */
  readonly links?: readonly string[];
  /** Before all others: this network gives the default route, and published ports lead to it. */
  readonly first?: boolean;
}

export const connect = (context: Context, connection: Connection, options: ConnectOptions = {}): Promise<void> =>
  change(context, connection, 'connect', ({ madeFrom }, network) => {
    if (madeFrom.networkMode.kind !== 'bridge') throw notOfNetworks(madeFrom);
    if (madeFrom.attachments.some((one) => one.network === network)) throw already(madeFrom.name, network);
    const { aliases = [], ipv4, ipv6, interfaceName, links = [], linkLocalIps = [], first = false } = options;
    const attachment: DesiredAttachment = {
      network,
      aliases: [...new Set([madeFrom.name, ...aliases])],
      ...(ipv4 === undefined ? {} : { ipv4 }),
      ...(ipv6 === undefined ? {} : { ipv6 }),
      ...(interfaceName === undefined ? {} : { interfaceName }),
      ...(linkLocalIps.length === 0 ? {} : { linkLocalIps }),
    };
    const attachments = first ? [attachment, ...madeFrom.attachments] : [...madeFrom.attachments, attachment];
    return { ...madeFrom, attachments, links: [...madeFrom.links, ...links.map(linkOf)] };
  });

/** `force`: no error where it is not connected, or where there is no such network or container. */
export const disconnect = (
  context: Context,
  connection: Connection,
  { force = false }: { readonly force?: boolean } = {},
): Promise<void> =>
  change(context, connection, 'disconnect', ({ madeFrom }, network) => {
    const attachments = madeFrom.attachments.filter((one) => one.network !== network);
    if (attachments.length === madeFrom.attachments.length && !force) throw notConnected(madeFrom.name, network);
    return { ...madeFrom, attachments };
  }).catch((error: { code?: string }) => {
    if (!force || !['no-such-network', 'no-such-container'].includes(error.code ?? '')) throw error;
  });

const linkOf = (text: string): DesiredContainer['links'][number] => {
  const [container = '', alias] = text.split(':');
  return { container, aliases: [alias || container] };
};

async function change(
  context: Context,
  { network, container }: Connection,
  verb: 'connect' | 'disconnect',
  wish: (live: LiveContainer, network: string) => DesiredContainer,
): Promise<void> {
  const { engine } = context;
  const project = projectOf(await found(engine, container)) ?? '';
  await withLock(context, project || container, verb, async () => {
    // Again, since whoever had the lock may have changed it.
    const live = await found(engine, container);
    const wanted = wish(live, await networkName(engine, network, project));
    const draft = newDraft(project);
    draft.add({ kind: 'container.update', container: wanted }, [requested()]);
    await carryOut(context, draft.finish());
  });
}

async function found(engine: Engine, name: string): Promise<LiveContainer> {
  const live = await engine.containers.find(name);
  if (live) return live;
  throw new TcomposeError(`no such container: ${name}`, { code: 'no-such-container', help: 'see `tcompose ps --all`' });
}

async function networkName(engine: Engine, name: string, project: string): Promise<string> {
  const network =
    (await engine.networks.find(name)) ?? (project ? await engine.networks.find(`${project}_${name}`) : undefined);
  if (network) return network.name;
  throw new TcomposeError(`no such network: ${name}`, { code: 'no-such-network', help: 'see `tcompose network ls`' });
}

const notOfNetworks = ({ name, networkMode }: DesiredContainer) =>
  new TcomposeError(`container ${name} has the network mode ${networkMode.kind} and cannot be connected to networks`, {
    code: 'network-mode',
    address: `container/${name}`,
    help: 'give its service networks instead of network_mode, which makes it anew',
  });

const already = (container: string, network: string) =>
  new TcomposeError(`container ${container} is connected to network ${network} already`, {
    code: 'already-connected',
    address: `container/${container}`,
    help: `disconnect it first:\n    tcompose network disconnect ${network} ${container}`,
  });

const notConnected = (container: string, network: string) =>
  new TcomposeError(`container ${container} is not connected to network ${network}`, {
    code: 'not-connected',
    address: `container/${container}`,
    help: `see whom it is connected to:\n    tcompose network inspect ${network}`,
  });
