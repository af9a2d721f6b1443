/** The configuration file of one dnsmasq (dnsmasq(8)). */
import { PLAIN_PORT } from './views.ts';
import type { Zone } from './zone.ts';

export interface ServerFiles {
  readonly hosts: string;
  readonly routes: string;
  readonly pid: string;
  readonly log: string;
}

/** `isOrdered`: there are several servers to ask. */
export function dnsmasqConfig(
  { bridges, loopback, port, open, upstreams }: Zone,
  files: ServerFiles,
  user: string,
  isOrdered = true,
): string {
  return [
    // On these bridges alone, also when one is made anew. Naming an interface would add the loopback by itself. An address of the loopback
    // that no interface bears is answered on by way of TCP only where it is bound for good.
    ...(loopback
      ? ['bind-interfaces', `listen-address=${loopback}`]
      : ['bind-dynamic', 'except-interface=lo', ...bridges.map((bridge) => `interface=${bridge}`)]),
    ...(port === PLAIN_PORT ? [] : [`port=${port}`]),
    'no-hosts',
    `addn-hosts=${files.hosts}`,
    `servers-file=${files.routes}`,
    // The host's own resolver may be asked where it is (127.0.0.53), since this runs in the host's network.
    ...(!open || upstreams.length > 0 ? ['no-resolv'] : []),
    ...upstreams.map((address) => `server=${address}`),
    // Its keeper sends a signal when the host's resolv.conf has changed (keep.c).
    'no-poll',
    // As the host's own programs ask (resolv.conf(5)): the first server may know names of a VPN that the second does not. The next one
    // is asked when who asks has waited in vain and asks again, or at once when it says that it cannot tell (SERVFAIL, REFUSED). In
    // this order dnsmasq (2.90) keeps such an answer of the last one to itself: where there is just one, everybody would wait for it.
    ...(isOrdered ? ['strict-order'] : []),
    // A name without a dot is one of ours or none: it is not told to others, and no answer is waited for.
    'domain-needed',
    // Of several addresses, those that the asking network leads to.
    'localise-queries',
    'local-ttl=1',
    'no-negcache',
    `user=${user}`,
    `pid-file=${files.pid}`,
    `log-facility=${files.log}`,
    '',
  ].join('\n');
}
