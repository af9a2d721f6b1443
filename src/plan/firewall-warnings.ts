/** What will happen to a project under a firewall of the host's, said when something is started that it concerns. */
import type { DesiredContainer } from '../model/desired.ts';
import type { HostFirewall } from '../model/live.ts';
import type { Draft } from './draft.ts';

const STARTING = ['container.create', 'container.start', 'container.update'] as const;

export function warnOfFirewalls(
  draft: Draft,
  firewalls: readonly HostFirewall[],
  containers: readonly DesiredContainer[],
): void {
  if (firewalls.length === 0) return;
  const starting = containers.filter(({ name }) => STARTING.some((kind) => draft.has(`${kind} ${name}`)));
  const open = starting.flatMap(({ ports }) => ports.filter(({ hostIp }) => !isLoopback(hostIp)));
  for (const { name, knowsBridges } of firewalls) {
    if (name === 'ufw' && open.length > 0) draft.warn(UFW);
    if (name === 'firewalld' && !knowsBridges && starting.some(({ networkMode }) => networkMode.kind === 'bridge'))
      draft.warn(FIREWALLD);
  }
}

const isLoopback = (hostIp: string): boolean => hostIp.startsWith('127.') || hostIp === '::1';

const UFW =
  'ufw is active and is not asked about published ports, as with Docker: they are open to other machines; publish on 127.0.0.1 what is for this host alone';
const FIREWALLD =
  'firewalld is active and no zone of it has the bridges of containers: they will find no names and no way out, though published ports work; ' +
  'give it the bridges: firewall-cmd --permanent --zone=trusted --add-interface=tcb+ && firewall-cmd --reload';
