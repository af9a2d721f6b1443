/** From the facts of a connection to its hops: which of them breaks it, why, and what to do. Pure; the facts are in model/trace.ts. */
import type { TraceParty } from '../model/trace.ts';
import { nearestOf } from '../validate/did-you-mean.ts';
import { connectHop, listenerHop } from './why-end.ts';
import { linksHop, routeHop, rulesHop } from './why-way.ts';
import {
  broken,
  type Hop,
  isSilence,
  isUp,
  linkWords,
  MEND,
  ok,
  type Question,
  startHelp,
  stateWords,
  type Why,
} from './why-words.ts';

export type { Hop, HopName, Why } from './why-words.ts';

/** In the order of the way. After the hop that breaks it, only the attempt is told. */
export function hopsOf(question: Question): Pick<Why, 'works' | 'brokenAt' | 'hops'> {
  const all = [askerHop, nameHop, publishedHop, addressHop, routeHop, linksHop, rulesHop, listenerHop]
    .flatMap((hop) => hop(question) ?? [])
    .map(brieflyPut);
  const { attempt } = question.trace;
  // The kernel takes connections for a program that is frozen.
  const isFrozen = [question.trace.asker, question.trace.target].some((party) => party?.status === 'paused');
  const connected = attempt?.result === 'connected' && !isFrozen;
  const guess = all.findIndex(({ state }) => state === 'broken');
  if (connected) {
    const hops = all.map((hop): Hop => (hop.state === 'broken' ? { ...hop, state: 'warning' } : hop));
    // From elsewhere it is another way in, which was not tried.
    const isSure = question.request.from.kind !== 'outside' || guess < 0;
    if (isSure) return { works: true, hops: [...hops, ...connectHop(question, undefined)] };
  }
  if (guess >= 0) {
    const why = all[guess]!;
    const tried = attempt !== undefined && attempt.result !== 'connected' ? connectHop(question, why) : [];
    return { works: false, brokenAt: why.hop, hops: [...all.slice(0, guess + 1), ...tried] };
  }
  const tried = connectHop(question, undefined);
  const works = tried.every(({ state }) => state === 'ok');
  return { works, ...(works ? {} : { brokenAt: 'connect' as const }), hops: [...all, ...tried] };
}

/** Names and rules may be long, and hold anything. */
const brieflyPut = (hop: Hop): Hop => (hop.says.length > 400 ? { ...hop, says: `${hop.says.slice(0, 399)}…` } : hop);

function askerHop({ trace: { asker, links, name, address }, request, serviceOf }: Question): Hop | undefined {
  if (asker === undefined)
    return ok('asker', request.from.kind === 'host' ? 'this host' : 'another machine, to an address of this host');
  const { container, status, mode } = asker;
  if (status !== 'running' && status !== 'paused' && status !== 'restarting')
    return broken(
      'asker',
      `${container} does not run (${stateWords(asker)})`,
      `start it:\n  tcompose up -d ${serviceOf(container)}`,
    );
  if (status === 'paused')
    return broken('asker', `${container} is paused`, `let it go on:\n  tcompose unpause ${serviceOf(container)}`);
  if (mode === 'none')
    return broken(
      'asker',
      `${container} has no network (network_mode: none)`,
      'remove network_mode, or give it networks',
    );
  const noAnswer = name !== undefined && name.addresses.length === 0 && isSilence(name.error);
  const ill = links.find(({ side, is }) => side === 'asker' && is !== 'up');
  if (ill !== undefined && (noAnswer || (name === undefined && address === undefined)))
    return broken('asker', `${linkWords(ill)} of network ${ill.network} is ${ill.is}`, MEND);
  const shares = asker.sharedWith ? `, with the network of ${asker.sharedWith}` : '';
  const nets =
    mode === 'host'
      ? 'with the network of this host'
      : asker.networks.map((one) => `${one.name} ${one.ipv4 ?? one.ipv6 ?? ''}`.trim()).join(', ');
  return ok('asker', `${container} runs${shares}: ${nets}`);
}

function nameHop(question: Question): Hop | undefined {
  const { name } = question.trace;
  if (name === undefined) return undefined;
  const to = question.request.to;
  const via = name.at === undefined ? name.server : `${name.server} → ${name.at}`;
  if (name.addresses.length > 0) {
    const where = name.fromHostsFile ? 'its /etc/hosts' : via;
    const { failing = 0, of = 0 } = question.trace.replicas ?? {};
    const some =
      failing > 0 ? `; ${failing} of ${of} ${failing === 1 ? 'takes' : 'take'} no connection, which is followed` : '';
    return ok('name', `${to} is ${name.addresses.join(', ')} (${where})${some}`);
  }
  if (name.serverRuns === false)
    return broken(
      'name',
      `the name server of ${question.trace.asker?.container} (${via}) does not run, so ${to} is not answered`,
      `start it again:\n  tcompose up -d`,
    );
  if (isSilence(name.error) && name.serverRuns && question.trace.meant.length === 0) {
    const slip = nearestOf(to, question.known ?? []);
    return broken(
      'name',
      `nobody here is called ${to}, and the name servers of this host do not answer (${name.error})`,
      `${slip === undefined ? '' : `did you mean ${slip}?\n`}see whether this host can resolve names:\n  cat /etc/resolv.conf`,
    );
  }
  if (isSilence(name.error))
    return broken(
      'name',
      `${via} does not answer (${name.error})`,
      name.at === undefined
        ? 'see whether that name server can be reached'
        : 'see whether a firewall of this host keeps questions from the name server:\n  tcompose plan',
    );
  return broken('name', ...unknownName(question));
}

/** The name server answered that there is no such name: whose it would be, and why it is not known. */
function unknownName(question: Question): [says: string, help: string] {
  const { request, trace, serviceOf, known } = question;
  const { to } = request;
  const [one] = trace.meant;
  if (one === undefined) {
    const slip = nearestOf(to, known ?? []);
    if (slip !== undefined) return [`no such name: ${to}`, `did you mean ${slip}?`];
    const help = to.includes('.')
      ? 'see whether the name is right, and whether this host can resolve it'
      : 'see whether it is a service of this project, or an alias on a network that both share';
    return [
      `no such name: ${to}${trace.asker?.networks.every(({ internal }) => internal) ? ' (its networks are internal: no name of the outside is answered)' : ''}`,
      help,
    ];
  }
  const stopped = trace.meant.every(({ status }) => !['running', 'paused', 'restarting'].includes(status));
  if (stopped)
    return [`${to} is not answered: ${one.container} does not run (${stateWords(one)})`, startHelp(one, serviceOf)];
  const apart = apartness(question, one);
  if (apart !== undefined) return [`${to} is not answered: ${apart.says}`, apart.help];
  return [
    `${to} is not answered, though ${one.container} runs and shares a network`,
    `have its names written anew:\n  tcompose up -d`,
  ];
}

/** Two containers without a network that both are on; undefined when they share one. */
function apartness(
  { trace: { asker }, serviceOf, networkOf }: Question,
  target: TraceParty,
): { readonly says: string; readonly help: string } | undefined {
  if (asker === undefined || asker.mode === 'host') return undefined;
  if (asker.networks.some(({ name }) => target.networks.some((other) => other.name === name))) return undefined;
  const list = ({ networks, mode }: TraceParty) =>
    networks.map(({ name }) => name).join(', ') || `none (network_mode: ${mode})`;
  const says = `${asker.container} and ${target.container} share no network (${list(asker)}; ${list(target)})`;
  const first = target.networks[0]?.name;
  if (target.mode === 'host')
    return { says, help: `${target.container} has the host's network: ask for host.docker.internal` };
  if (first === undefined) return { says, help: `give ${serviceOf(target.container)} a network` };
  const service = serviceOf(asker.container);
  return {
    says,
    help: `add the network to the service, which is done in place:\n  services: {${service}: {networks: [${networkOf(first)}]}}`,
  };
}

function publishedHop({ request, trace, serviceOf }: Question): Hop | undefined {
  const { published, target } = trace;
  if (published === undefined || target === undefined || target.mode === 'host') return undefined;
  const { port, all } = published;
  const service = serviceOf(trace.meant[0]?.container ?? target.container);
  if (port === undefined) {
    if (request.port === undefined) return undefined;
    const own = target.networks.find(({ internal }) => !internal);
    if (own?.upon !== undefined)
      return broken(
        'published',
        `${target.container} has an address of its own, ${own.ipv4 ?? own.ipv6}, on the network of ${own.upon}: nothing is published, and this host cannot reach it`,
        'ask from another machine of that network, or give the service a bridge network too',
      );
    const known = all.map((one) => `${one.published}→${one.target}/${one.protocol}`).join(', ') || 'none';
    return broken(
      'published',
      `port ${request.port}/${request.protocol} of ${target.container} is not published (published: ${known})`,
      `publish it, which is done in place:\n  services: {${service}: {ports: ["${request.port}:${request.port}${request.protocol === 'udp' ? '/udp' : ''}"]}}`,
    );
  }
  if (!isUp(target))
    return broken(
      'published',
      `${target.container} does not run (${stateWords(target)})`,
      startHelp(target, serviceOf),
    );
  const where = `${port.hostIp || '*'}:${port.published} → ${target.container} ${port.target}/${port.protocol}`;
  const loopback = port.hostIp.startsWith('127.') || port.hostIp === '::1';
  if (request.from.kind === 'outside' && loopback)
    return broken(
      'published',
      `${where} is published on the loopback address: other machines cannot reach it`,
      `leave the address out:\n  services: {${service}: {ports: ["${port.published}:${port.target}"]}}`,
    );
  if (!published.heldByOwn)
    return published.heldBy === undefined
      ? broken(
          'published',
          `${where}: no socket holds the host port, as the supervisor should`,
          `start it again:\n  tcompose restart ${service}`,
        )
      : broken(
          'published',
          `${where}: the host port is held by ${published.heldBy}`,
          `stop that, and start the service again:\n  tcompose restart ${service}`,
        );
  return ok('published', `${where}, held by its supervisor`);
}

function addressHop(question: Question): Hop | undefined {
  const { trace, serviceOf } = question;
  const { address, target, asker, published } = trace;
  if (published !== undefined) return undefined;
  if (address === undefined) return undefined;
  if (target === undefined) {
    const closed = asker !== undefined && asker.mode === 'bridge' && asker.networks.every(({ internal }) => internal);
    if (closed && !/^127\.|^::1$/.test(address))
      return broken(
        'address',
        `${address} is outside, and every network of ${asker.container} is internal`,
        `add a network that is not internal, which is done in place:\n  services: {${serviceOf(asker.container)}: {networks: [default]}}`,
      );
    return ok('address', `${address} is no container's of this engine`);
  }
  const apart = apartness(question, target);
  if (apart !== undefined) return broken('address', `${address} is ${target.container}'s: ${apart.says}`, apart.help);
  if (target.status === 'paused')
    return broken(
      'address',
      `${target.container} (${address}) is paused: nothing in it answers`,
      `let it go on:\n  tcompose unpause ${serviceOf(target.container)}`,
    );
  if (target.status !== 'running')
    return broken(
      'address',
      `${target.container} (${address}) does not run (${stateWords(target)})`,
      startHelp(target, serviceOf),
    );
  const network = asker?.networks.find(({ name }) => target.networks.some((one) => one.name === name));
  return ok(
    'address',
    `${address} is ${target.container}, which runs${network ? `; both are on ${network.name}` : ''}`,
  );
}
