/** What a container cannot have here, told before anything is touched: devices, profiles, namespaces, another machine's programs. */
import type { DesiredContainer } from '../../../src/model/desired.ts';
import { TcomposeError } from '../../../src/model/errors.ts';
import type { Host } from '../../host.ts';
import type { HostFacts } from '../host-facts.ts';
import { interpretedMachines, platformProblem } from '../platform.ts';
import { cdiEdits } from './cdi.ts';
import { parseDeviceRule } from './device-filter.ts';
import { grantDevices } from './devices.ts';
import { namespaceProblem } from './namespaces.ts';
import { checkMappable, userNamespaceProblem } from './user-namespace-check.ts';

export async function isolationProblems(host: Host, container: DesiredContainer): Promise<readonly Error[]> {
  const facts = await host.facts();
  const attempts: (() => unknown)[] = [
    () => cdiEdits(container.name, container.cdiDevices ?? []),
    () => grantDevices({ ...container, security: { ...container.security, privileged: false } }),
    () => checkProfile(container, facts),
    () => checkIsolation(container, facts),
    () => checkMappable(host, container),
    () => checkPlatform(host, container, facts),
  ];
  const found = await Promise.all(
    attempts.map(async (attempt) => {
      try {
        await attempt();
        return [];
      } catch (error) {
        return [error as Error];
      }
    }),
  );
  return found.flat();
}

/** Needs nothing but the description. */
export function checkIsolation(container: DesiredContainer, facts: HostFacts): void {
  for (const rule of container.deviceRules ?? []) parseDeviceRule(rule);
  const problem =
    namespaceProblem(container, facts.cgroups.mode !== 'none') ?? userNamespaceProblem(container, facts.kernel);
  if (problem !== undefined) throw problem;
}

async function checkProfile({ security }: DesiredContainer, { architecture }: HostFacts): Promise<void> {
  if (['default', 'unconfined'].includes(security.seccomp)) return;
  const { parseProfile } = await import('./seccomp-json.ts');
  parseProfile(security.seccomp, architecture);
}

/** An image that is not there yet is found wanting elsewhere. */
export async function checkPlatform(host: Host, container: DesiredContainer, facts: HostFacts): Promise<void> {
  const image = await (await host.images()).find(container.image.id || container.image.ref);
  if (image === undefined) return;
  const problem = platformProblem(
    {
      container: container.name,
      image: { ref: container.image.ref, os: image.os, architecture: image.architecture },
      ...(container.platform === undefined ? {} : { asked: container.platform }),
    },
    facts.architecture,
    () => interpretedMachines(),
  );
  if (problem instanceof TcomposeError) throw problem;
}
