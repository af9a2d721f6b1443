/** Follows a connection hop by hop, and names the one that breaks it. */
import { TcomposeError } from '../model/errors.ts';
import type { LiveContainer } from '../model/live.ts';
import type { Asker, TraceRequest } from '../model/trace.ts';
import { serviceOf } from '../plan/labels.ts';
import type { Context, Target } from './context.ts';
import { type Found, find, oneOf } from './lives.ts';
import { hopsOf, type Why } from './why-hops.ts';

export type { Hop, Why } from './why-hops.ts';

export interface WhyOptions {
  /** A service, `host` or `outside`. */
  readonly from: string;
  /** `db`, `db:5432`, `example.org:443`, `[fd00::2]:80`. */
  readonly to: string;
  readonly protocol?: 'tcp' | 'udp';
  readonly index?: number;
}

/** `not-running` and `no-such-service` for an asker that there is not. */
export async function why(context: Context, target: Target, options: WhyOptions): Promise<Why> {
  const found = await find(context, target);
  const { host, port } = endOf(options.to);
  const asker = askerOf(found, target, options);
  const meant = meantBy(found, host);
  const known = port ?? (await onlyPort(context, meant));
  const request: TraceRequest = {
    from: asker,
    to: host,
    meant: meant.map(({ name }) => name),
    protocol: options.protocol ?? 'tcp',
    ...(known === undefined ? {} : { port: known }),
  };
  const trace = await context.engine.networks.trace(request);
  const services = new Map(found.live.containers.map((live) => [live.name, serviceOf(live) || live.name]));
  const prefix = `${target.name}_`;
  const answer = hopsOf({
    request,
    trace,
    known: [...new Set(found.containers.flatMap(namesOf))],
    serviceOf: (container) => services.get(container) ?? container,
    networkOf: (network) => (network.startsWith(prefix) ? network.slice(prefix.length) : network),
  });
  const to = host.includes(':') ? `[${host}]` : host;
  return { from: options.from, to: known === undefined ? to : `${to}:${known}`, ...answer };
}

function askerOf(found: Found, target: Target, { from, index }: WhyOptions): Asker {
  const isService =
    found.containers.some((live) => serviceOf(live) === from) || target.project?.services[from] !== undefined;
  if (!isService && (from === 'host' || from === 'outside')) return { kind: from };
  const named = found.containers.find(({ name }) => name === from);
  return { kind: 'container', container: (named ?? oneOf(found, target, from, index)).name };
}

/** A port stands behind a single colon, or behind the bracket of an IPv6 address. */
export function endOf(text: string): { readonly host: string; readonly port?: number } {
  const [, bracketed, behind] = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? [];
  const [, plain, number] = /^([^:[\]]+)(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? (/^[0-9a-f:.]+$/i.test(text) && text.split(':').length > 2 ? text : undefined);
  const digits = behind ?? number;
  const port = digits === undefined ? undefined : Number(digits);
  const isName = host !== undefined && host.length <= 253 && /^[\w.:%-]+$/.test(host);
  if (isName && (port === undefined || (port > 0 && port < 65536)))
    return { host, ...(port === undefined ? {} : { port }) };
  throw new TcomposeError(`"${text}" is no target`, {
    code: 'bad-target',
    exitCode: 2,
    help: 'name a service, a container, a host or an address, and a port: db:5432, [fd00::2]:80',
  });
}

/** Those with that service, container name, alias or link. */
function meantBy({ containers }: Found, name: string): readonly LiveContainer[] {
  const aliasOf = (live: LiveContainer) => live.madeFrom.attachments.some(({ aliases }) => aliases.includes(name));
  const exact = containers.filter((live) => live.name === name || serviceOf(live) === name);
  return exact.length > 0 ? exact : containers.filter(aliasOf);
}

const namesOf = (live: LiveContainer): readonly string[] => [
  serviceOf(live),
  live.name,
  ...live.madeFrom.attachments.flatMap(({ aliases }) => aliases),
];

/** The one that its image or its file exposes; undefined where there are none or several. */
async function onlyPort({ engine }: Context, [one]: readonly LiveContainer[]): Promise<number | undefined> {
  if (one === undefined) return undefined;
  const image = await engine.images.find(one.madeFrom.image.id);
  const exposed = (image?.config.exposedPorts ?? []).map((port) => Number.parseInt(port, 10));
  const ports = new Set([...exposed, ...one.madeFrom.ports.map(({ target }) => target)]);
  return ports.size === 1 ? [...ports][0] : undefined;
}
