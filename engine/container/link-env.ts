/** Variables by which a container knows those that it links to: Docker's old links (engine-behaviour: legacy links). */
import type { ContainerRecord } from '../state/records.ts';

interface Exposed {
  readonly port: number;
  readonly protocol: string;
}

/** Empty without `linkEnv`. A linked container without an address on a common network has none. */
export function linkVariables(
  { name, madeFrom, endpoints }: ContainerRecord,
  others: readonly ContainerRecord[],
): Readonly<Record<string, string>> {
  if (madeFrom.linkEnv !== true) return {};
  const own = new Set(endpoints.map(({ network }) => network));
  const variables: Record<string, string> = {};
  for (const { container, aliases } of madeFrom.links) {
    const target = others.find((other) => other.name === container);
    const endpoint = target?.endpoints.find(({ network }) => own.has(network));
    const address = endpoint?.ipv4?.address ?? endpoint?.ipv6?.address;
    if (target === undefined || address === undefined) continue;
    for (const alias of aliases)
      Object.assign(variables, variablesOf(prefixOf(alias), `/${name}/${alias}`, address, target.madeFrom));
  }
  return variables;
}

/** Upper case, dashes as underscores; dots stay. */
const prefixOf = (alias: string): string => alias.toUpperCase().replaceAll('-', '_');

function variablesOf(
  prefix: string,
  name: string,
  address: string,
  { exposed = [], ports: published, env }: ContainerRecord['madeFrom'],
): Record<string, string> {
  const served = [...exposed, ...published.map(({ target, protocol }) => `${target}/${protocol}`)];
  const ports = [...new Set(served)].map(parse).sort(byProtocolThenNumber);
  const host = address.includes(':') ? `[${address}]` : address;
  const url = ({ protocol, port }: Exposed) => `${protocol}://${host}:${port}`;
  const result: Record<string, string> = { [`${prefix}_NAME`]: name };
  if (ports[0] !== undefined) result[`${prefix}_PORT`] = url(ports[0]);
  for (const each of ports) {
    const key = keyOf(prefix, each);
    result[key] = url(each);
    result[`${key}_ADDR`] = address;
    result[`${key}_PORT`] = String(each.port);
    result[`${key}_PROTO`] = each.protocol;
  }
  for (const [first, last] of runsOf(ports)) {
    const key = keyOf(prefix, first);
    result[`${key}_START`] = url(first);
    result[`${key}_PORT_START`] = String(first.port);
    result[`${key}_END`] = url(last);
    result[`${key}_PORT_END`] = String(last.port);
  }
  for (const [key, value] of Object.entries(env)) {
    if (key !== 'HOME' && key !== 'PATH') result[`${prefix}_ENV_${key}`] = value;
  }
  return result;
}

const keyOf = (prefix: string, { port, protocol }: Exposed): string =>
  `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;

/** `80/tcp` */
function parse(text: string): Exposed {
  const [port = '', protocol = 'tcp'] = text.split('/');
  return { port: Number(port), protocol };
}

const byProtocolThenNumber = (a: Exposed, b: Exposed): number =>
  Number(a.protocol !== 'tcp') - Number(b.protocol !== 'tcp') ||
  a.protocol.localeCompare(b.protocol) ||
  a.port - b.port;

/** Ports of one protocol in a row; a single one is no run. */
function runsOf(ports: readonly Exposed[]): readonly (readonly [Exposed, Exposed])[] {
  const runs: [Exposed, Exposed][] = [];
  for (const each of ports) {
    const run = runs.at(-1);
    if (run?.[1].protocol === each.protocol && run[1].port + 1 === each.port) run[1] = each;
    else runs.push([each, each]);
  }
  return runs.filter(([first, last]) => first !== last);
}
