/** The hops in the middle of a connection: the route, the links, the rules. */
import type { Trace, TraceRule } from '../model/trace.ts';
import { broken, type Hop, linkWords, MEND, ok, type Question } from './why-words.ts';

export function routeHop({ trace: { route, hostRoute, asker, address, links, target } }: Question): Hop | undefined {
  if (route === undefined) return undefined;
  const who = asker?.container ?? 'this host';
  if (route.error !== undefined) {
    const ill = links.find(({ side, kind, is }) => side === 'asker' && kind === 'inside' && is !== 'up');
    const because = ill === undefined ? '' : `: ${linkWords(ill)} is ${ill.is}`;
    return broken(
      'route',
      `${who} has no route to ${address} (${route.error})${because}`,
      ill === undefined && target === undefined ? 'give the service a network that leads there' : MEND,
    );
  }
  if (hostRoute !== undefined)
    return strayHop(hostRoute, asker === undefined ? '' : ', which packets of containers pass,');
  const via = route.via === undefined ? '' : ` via ${route.via}`;
  return ok('route', `${address} by ${route.device}${via}${route.source ? `, from ${route.source}` : ''}`);
}

function strayHop({ to, bridge, device, error }: NonNullable<Trace['hostRoute']>, who: string): Hop {
  if (error !== undefined)
    return broken('route', `this host${who} has no route to ${to} (${error})`, `see its routes:\n  ip route get ${to}`);
  return broken(
    'route',
    `this host sends what is for ${to} by ${device}, not by the bridge ${bridge} of its network: another route shadows it`,
    `see whose it is (a VPN's?), and take it away or give the network another subnet:\n  ip route get ${to}`,
  );
}

export function linksHop({ trace: { links, asker, address, route } }: Question): Hop | undefined {
  if (links.length === 0 || address === undefined) return undefined;
  // Of several networks of the asker, the one that the route takes.
  const device = route?.device;
  const taken = links.find(({ side, kind, name }) => side === 'asker' && kind === 'inside' && name === device)?.network;
  const way = links.filter(
    ({ side, network }) => side === 'target' || asker === undefined || taken === undefined || network === taken,
  );
  const ill = way.find(({ is }) => is !== 'up');
  if (ill !== undefined)
    return broken(
      'links',
      `${linkWords(ill)} of network ${ill.network} (${ill.side === 'asker' ? "the asker's side" : "the target's side"}) is ${ill.is}`,
      MEND,
    );
  const own = way.find(({ side, kind }) => side === 'target' && kind === 'parent');
  if (own !== undefined && asker === undefined && route?.device === own.name)
    return broken(
      'links',
      `this host and the containers upon ${own.name} cannot hear each other: so the kernel has it with macvlan and ipvlan`,
      'ask from another machine of that network, or give the service a bridge network too',
    );
  const names = [...new Set(way.filter(({ kind }) => kind !== 'inside').map(({ name }) => name))];
  return ok('links', `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} up`);
}

/** Nothing where a link opens the way. */
function isolatedHop(
  { linkOpens, asker, target }: Trace,
  { request, networkOf, serviceOf }: Omit<Question, 'trace' | 'known'>,
): Hop | undefined {
  const port = `${request.port}/${request.protocol}`;
  const says = 'containers on this network may not talk to each other (com.docker.network.bridge.enable_icc: false)';
  if (linkOpens === undefined)
    return broken(
      'rules',
      says,
      `leave that option of network ${networkOf(asker?.networks[0]?.name ?? '')} out, or give the asker a link to the other one (links)`,
    );
  if (request.port === undefined || linkOpens.includes(port)) return undefined;
  const service = serviceOf(target?.container ?? '');
  return broken(
    'rules',
    `${says}, and the link opens only what ${service} exposes (${linkOpens.join(', ') || 'nothing'})`,
    `expose it, which is done in place:\n  services: {${service}: {expose: ["${request.port}${request.protocol === 'udp' ? '/udp' : ''}"]}}`,
  );
}

export function rulesHop({
  trace: { rules, address },
  request,
  networkOf,
  serviceOf,
  trace,
}: Question): Hop | undefined {
  if (rules === undefined || address === undefined || rules.path === 'none') return undefined;
  const closed = rules.isolated ? isolatedHop(trace, { request, networkOf, serviceOf }) : undefined;
  if (closed !== undefined) return closed;
  if (rules.droppedBy !== undefined) return droppedHop(rules.droppedBy, rules.verdict);
  const rose = rules.uncertain.find((rule) => rule.rose);
  if (rose !== undefined && trace.attempt?.result !== 'connected')
    return droppedHop(rose, rose.target === 'DROP' ? 'dropped' : 'rejected');
  if (rules.missing.length > 0) return broken('rules', `${rules.missing.join(', ')} is gone`, MEND);
  const { published } = trace;
  if (published?.port !== undefined && rules.ledTo === undefined && request.protocol === 'udp')
    return broken('rules', 'no rule leads the host port to the container', MEND);
  if (rules.path === 'upon') return ok('rules', 'by an interface of its own upon the host: no firewall rule is met');
  if (rules.path === 'bridged') return ok('rules', 'within one bridge: no firewall rule is met');
  const met = rules.met.filter(({ target }) => target !== 'RETURN');
  const words = met.map(({ chain, target, packets }) => `${chain.split(' ').at(-1)} ${target} [${packets}]`);
  const led = rules.ledTo === undefined ? '' : `; led to ${rules.ledTo}`;
  const unsure =
    rules.uncertain.length === 0 ? '' : `; ${rules.uncertain.length} that may drop cannot be judged from here`;
  return ok('rules', `${rules.path}: ${words.join(', ') || 'nothing stands in the way'}${led}${unsure}`);
}

/** Chains of the engine are named so. */
const isOurs = (chain: string): boolean => /^TC-[0-9a-f]{4}-/.test(chain.split(' ')[1] ?? '');

function droppedHop(rule: TraceRule, verdict: string): Hop {
  const [table = '', chain = ''] = rule.chain.split(' ');
  const packets = rule.packets > 0 ? `, ${rule.packets} packet${rule.packets === 1 ? '' : 's'} so far` : '';
  const says = rule.text.startsWith('policy ')
    ? `${verdict} by the ${rule.text} (table ${table}): no rule accepts it`
    : `${verdict} by a rule of ${table} ${chain}: ${rule.text}${packets}`;
  if (isOurs(rule.chain))
    return broken('rules', says, 'this is how networks are kept apart: put both on one network, or publish the port');
  if (rule.text.startsWith('policy '))
    return broken('rules', says, `${MEND}\nor accept it in the firewall that set the policy (ufw, firewalld)`);
  return broken(
    'rules',
    says,
    `it is not tcompose's: take it away, or accept this connection before it\n  iptables -t ${table} -S ${chain}`,
  );
}
