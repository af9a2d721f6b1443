/** Port mappings: `[[IP:][HOST]:]CONTAINER[/PROTOCOL]` and the long form, one entry per container port. */
import { isIP } from '../ip.ts';
import { MAX_PORTS } from '../limits.ts';
import { TooMuch } from '../too-much.ts';
import { record, type ScalarNode, type SpecNode, within } from '../tree.ts';
import { type CanonicalContext, isUnresolved } from './context.ts';

interface Range {
  readonly first: number;
  readonly last: number;
}

interface PortSpec {
  readonly hostIp: string;
  readonly host: string;
  readonly container: string;
  readonly protocol: string;
}

export function canonicalPort(node: SpecNode, context: CanonicalContext): readonly SpecNode[] {
  if (node.kind !== 'scalar') return [node];
  const text = String(node.value);
  if (isUnresolved(text, context)) return [node];
  const spec = splitPort(text);
  const problem = checkPort(spec);
  if (problem !== undefined) {
    context.findings.error(
      'bad-port',
      `${context.owner}: port "${text}": ${problem.what}`,
      within(node.mark, problem.part),
      {
        help:
          problem.help ??
          'write HOST:CONTAINER, IP:HOST:CONTAINER or CONTAINER, for example "8080:80" or "127.0.0.1:8080:80/tcp"',
      },
    );
    return [];
  }
  count(spec, node);
  return expandPort(spec, node);
}

/** Before it is expanded. */
function count(spec: PortSpec, node: ScalarNode): void {
  const { source } = node.mark;
  source.ports = (source.ports ?? 0) + width(parseRange(spec.container)!);
  if (source.ports <= MAX_PORTS) return;
  const help = 'publish fewer, or take network_mode: host';
  throw new TooMuch(`the port ranges of the file come to more than ${MAX_PORTS} ports`, { at: node.mark, help });
}

function splitPort(text: string): PortSpec {
  const slash = text.lastIndexOf('/');
  const protocol = (slash === -1 ? '' : text.slice(slash + 1).toLowerCase()) || 'tcp';
  const parts = (slash === -1 ? text : text.slice(0, slash)).split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  return { hostIp: parts.join(':').replace(/^\[(.*)\]$/, '$1'), host, container, protocol };
}

export function parseRange(text: string): Range | undefined {
  const found = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (found === null) return undefined;
  const first = Number(found[1]);
  const last = Number(found[2] ?? found[1]);
  return first <= last && last <= 65535 ? { first, last } : undefined;
}

/** Without a zone (`%eth0`): no mapping can be made for one interface only. */
export function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

function checkPort(spec: PortSpec): { what: string; part: string; help?: string } | undefined {
  if (spec.container === '') return { what: 'the container port is missing', part: '' };
  const container = parseRange(spec.container);
  if (container === undefined || container.first === 0)
    return { what: `"${spec.container}" is not a port (1 to 65535) or range`, part: spec.container };
  const host = spec.host === '' ? undefined : parseRange(spec.host);
  if (spec.host !== '' && host === undefined)
    return { what: `"${spec.host}" is not a port (0 to 65535) or range`, part: spec.host };
  if (spec.hostIp !== '' && !isAddress(spec.hostIp))
    return { what: `"${spec.hostIp}" is not an IP address`, part: spec.hostIp };
  if (!['tcp', 'udp', 'sctp'].includes(spec.protocol)) {
    return { what: `"${spec.protocol}" is not a protocol`, part: spec.protocol, help: 'use tcp, udp or sctp' };
  }
  if (host !== undefined && width(container) > 1 && width(container) !== width(host)) {
    return { what: 'the two ranges have different lengths', part: '', help: 'make both ranges equally long' };
  }
  return undefined;
}

function width(range: Range): number {
  return range.last - range.first + 1;
}

function expandPort(spec: PortSpec, node: ScalarNode): readonly SpecNode[] {
  const container = parseRange(spec.container)!;
  const host = spec.host === '' ? undefined : parseRange(spec.host);
  const made: { target: number; published: string | undefined }[] = [];
  for (let target = container.first; target <= container.last; target++) {
    const isPool = host !== undefined && width(container) === 1 && width(host) > 1;
    const published = isPool
      ? spec.host
      : host === undefined
        ? undefined
        : String(host.first + target - container.first);
    made.push({ target, published });
  }
  // By text, as the reference orders what one range expands to: 10 before 9.
  made.sort((a, b) => (String(a.target) < String(b.target) ? -1 : 1));
  return made.map(({ target, published }) =>
    record(node.mark, {
      mode: 'ingress',
      host_ip: spec.hostIp === '' ? undefined : spec.hostIp,
      target,
      published,
      protocol: spec.protocol,
    }),
  );
}
