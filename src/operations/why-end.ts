/** The last hops of a connection: who listens, and whether it can be made. */
import type { TraceSocket } from '../model/trace.ts';
import { broken, type Hop, isUp, ok, type Question } from './why-words.ts';

export function listenerHop({ trace, request, serviceOf }: Question): Hop | undefined {
  const { target, listening, published } = trace;
  if (target === undefined && listening !== undefined) return hostListenerHop(listening, trace.address ?? '', request);
  const port = published?.port?.target ?? request.port;
  if (target === undefined || listening === undefined || port === undefined || !isUp(target)) return undefined;
  const sockets = listening.filter((socket) => socket.port === port);
  const what = `port ${port}/${request.protocol}`;
  if (sockets.length === 0) {
    if (trace.listensFor !== undefined)
      return broken(
        'listener',
        `port ${port} in ${target.container} listens for ${trace.listensFor}, not for ${request.protocol}`,
        trace.listensFor === 'udp' ? 'ask with --udp' : 'ask without --udp, and send it TCP',
      );
    // 127.0.0.11 and the like are nobody's services.
    const others = [...new Set(listening.map((socket) => socket.port))].sort((a, b) => a - b).slice(0, 12);
    const heard = others.length === 0 ? 'nothing listens at all' : `what listens: ${others.join(', ')}`;
    return broken(
      'listener',
      `nothing listens on ${what} in ${target.container} (${heard})`,
      `look whether its program is up, and at which port:\n  tcompose logs ${serviceOf(target.container)}`,
    );
  }
  const address = trace.published === undefined ? trace.address : undefined;
  const within = [...target.networks.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]), address].flatMap((one) => one ?? []);
  // By way of its own loopback it may well be reached.
  const isLoopback = address !== undefined && /^127\.|^::1$/.test(address);
  const hears = (socket: TraceSocket) => isAny(socket) && !(socket.address === '0.0.0.0' && address?.includes(':'));
  const open = sockets.filter((socket) => hears(socket) || within.includes(socket.address) || isLoopback);
  if (open.length === 0) {
    const where = sockets.map((socket) => socket.address).join(', ');
    if (sockets.some(isAny))
      return broken(
        'listener',
        `${what} in ${target.container} listens for IPv4 alone (${where}), and ${address} is IPv6`,
        'make the program listen on [::]',
      );
    return broken(
      'listener',
      `${what} in ${target.container} listens on ${where} only: nobody outside of that container reaches it`,
      'make the program listen on 0.0.0.0 (or [::])',
    );
  }
  return ok(
    'listener',
    `${what} in ${target.container} listens on ${[...new Set(open.map((socket) => socket.address))].join(', ')}`,
  );
}

/** The host itself is asked, by host.docker.internal say. */
function hostListenerHop(
  listening: readonly TraceSocket[],
  address: string,
  { port, protocol }: Question['request'],
): Hop | undefined {
  if (port === undefined) return undefined;
  const sockets = listening.filter((socket) => socket.port === port);
  const open = sockets.filter((socket) => isAny(socket) || socket.address === address);
  const what = `port ${port}/${protocol} of this host`;
  if (open.length > 0)
    return ok('listener', `${what} listens on ${[...new Set(open.map((one) => one.address))].join(', ')}`);
  const where = sockets.map((socket) => socket.address).join(', ');
  return where === ''
    ? broken('listener', `nothing listens on ${what}`, `start what should, and see where it listens:\n  ss -ltnp`)
    : broken(
        'listener',
        `${what} listens on ${where} only, and containers come to ${address}`,
        `make the program listen on ${address}, or on 0.0.0.0`,
      );
}

const isAny = ({ address }: TraceSocket): boolean => address === '0.0.0.0' || address === '::';

const MEANINGS: Readonly<Record<string, readonly [says: string, help: string]>> = {
  ECONNREFUSED: ['refused', 'nothing listens there, or a firewall rejects it'],
  ETIMEDOUT: [
    'no answer within 3 seconds',
    'something on the way drops it: a firewall of the other machine, or one whose rules are not in iptables (nft list ruleset)',
  ],
  EHOSTUNREACH: ['no route to host', 'nobody has that address on the last network, or a firewall says so'],
  ENETUNREACH: ['network unreachable', 'give the asker a route there'],
  ECONNRESET: ['closed by the other side', 'the program hangs up at once: see its log'],
};

/** Nothing for what was not tried. `why`: the hop that explains it. */
export function connectHop({ trace: { attempt, target }, request }: Question, why: Hop | undefined): readonly Hop[] {
  if (attempt === undefined) return [];
  const from = request.from.kind === 'outside' ? ' (tried from this host)' : '';
  if (attempt.result === 'connected') return [ok('connect', `connected to ${attempt.to} in ${attempt.ms} ms${from}`)];
  const [says, help] = MEANINGS[attempt.result] ?? [attempt.result, 'nothing of the above explains it'];
  const whose = target === undefined ? '' : ` (${target.container})`;
  const text = `${attempt.to}${whose}: ${says}${from}`;
  return [broken('connect', text, why === undefined ? help : undefined)];
}
