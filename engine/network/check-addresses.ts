/** Networks and addresses that could not be given, found before anything is touched: what would be allotted, tried on paper. */
import type { DesiredContainer, DesiredNetwork } from '../../src/model/desired.ts';
import type { ContainerRecord, NetworkRecord } from '../state/records.ts';
import { RECORD_VERSION } from '../state/records.ts';
import { checkNetwork } from './check-network.ts';
import { allotEndpoints, type Records } from './endpoints.ts';
import { readRoutes } from './facts.ts';
import { allotSubnets } from './subnets.ts';

interface Wanted {
  /** To be created or started. */
  readonly containers: readonly DesiredContainer[];
  /** To be created. */
  readonly networks: readonly DesiredNetwork[];
}

/** `leaving`: names of containers that go first; `idle`: ids of those that do not run. All problems, none thrown. */
export async function addressProblems(
  { containers, networks }: Wanted,
  records: Records,
  leaving: ReadonlySet<string>,
  idle: ReadonlySet<string> = new Set(),
): Promise<readonly Error[]> {
  const problems: Error[] = [];
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      problems.push(error as Error);
      return undefined;
    }
  };
  const { prefixes } = networks.length > 0 ? await readRoutes(true) : { prefixes: [] };
  const replaced = records.networks.filter(({ name }) => networks.some((network) => network.name === name));
  // A network that is made anew gives up its own subnet first, and with it the host's route there.
  const old = new Set(replaced.map(({ bridge }) => bridge));
  const host = prefixes.filter(({ device }) => device === undefined || !old.has(device));
  const known: NetworkRecord[] = records.networks.filter((record) => !replaced.includes(record));
  for (const network of networks) {
    const made = attempt(() => {
      checkNetwork(network);
      return draftOf(network, allotSubnets(network, network.name, { networks: known, host }));
    });
    if (made) known.push(made);
  }
  const starting = new Set(containers.map(({ name }) => name));
  const others: ContainerRecord[] = records.containers.filter(({ name }) => !leaving.has(name) && !starting.has(name));
  // Whoever asks for nothing takes what is left: only those that ask can be refused for what others have.
  for (const container of containers) {
    const asking = container.attachments.filter(
      (one) =>
        (one.ipv4 ?? one.ipv6 ?? one.mac ?? one.interfaceName ?? one.linkLocalIps ?? one.sysctls) !== undefined &&
        known.some(({ name }) => name === one.network),
    );
    const endpoints = attempt(() =>
      allotEndpoints(
        { ...container, attachments: asking },
        container.name,
        { networks: known, containers: others, idle },
        '',
      ),
    );
    if (!endpoints) continue;
    const fixed = endpoints.map(({ ipv4, ipv6, ...rest }, i) => ({
      ...rest,
      ...(asking[i]?.ipv4 !== undefined && ipv4 && { ipv4 }),
      ...(asking[i]?.ipv6 !== undefined && ipv6 && { ipv6 }),
    }));
    others.push({ name: container.name, madeFrom: container, endpoints: fixed } as unknown as ContainerRecord);
  }
  return problems;
}

const draftOf = (network: DesiredNetwork, subnets: NetworkRecord['subnets']): NetworkRecord => ({
  version: RECORD_VERSION,
  id: network.name,
  name: network.name,
  createdAt: '',
  madeFrom: network,
  bridge: '',
  mtu: 0,
  subnets,
});
