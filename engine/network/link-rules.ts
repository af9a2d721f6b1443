/**
 * What links open on a network whose containers cannot reach each other (enable_icc=false): exactly the ports that the linked container
 * says it serves, for who has the link. Answers are let by as those of any connection.
 */
import type { ContainerRecord, NetworkRecord } from '../state/records.ts';

export interface LinkRule {
  /** Name of the container that has the link. */
  readonly owner: string;
  readonly text: string;
}

/** IPv4 alone: nobody answers for neighbours of IPv6 that cannot hear each other. `containers`: those that want to run. */
export function linkRules(
  { name, bridge }: Pick<NetworkRecord, 'name' | 'bridge'>,
  containers: readonly ContainerRecord[],
): readonly LinkRule[] {
  const addressOn = ({ endpoints }: ContainerRecord) =>
    endpoints.find(({ network }) => network === name)?.ipv4?.address;
  return containers.flatMap((container) => {
    const own = addressOn(container);
    return container.madeFrom.links.flatMap((link) => {
      const target = containers.find((other) => other.name === link.container);
      const address = target && addressOn(target);
      if (own === undefined || target === undefined || address === undefined) return [];
      return servedBy(target).map(([port, protocol]) => ({
        owner: container.name,
        text: `-s ${own}/32 -d ${address}/32 -i ${bridge} -o ${bridge} -p ${protocol} -m ${protocol} --dport ${port} -j RETURN`,
      }));
    });
  });
}

/** `['80', 'tcp']`: what it says it serves, and what it publishes. */
export function servedBy({
  madeFrom: { exposed = [], ports },
}: ContainerRecord): readonly (readonly [string, string])[] {
  const listed = [...exposed, ...ports.map(({ target, protocol }) => `${target}/${protocol}`)];
  return [...new Set(listed)].flatMap((text) => {
    const [, port, protocol] = /^(\d{1,5})\/(tcp|udp|sctp)$/.exec(text) ?? [];
    return port && protocol ? [[port, protocol] as const] : [];
  });
}
