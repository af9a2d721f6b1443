/** Limits that cannot be, said before a container is made: sizes, processors, propagation. */
import type { DesiredContainer } from '../../src/model/desired.ts';
import { TcomposeError } from '../../src/model/errors.ts';

const LEAST_MEMORY = 6 * 2 ** 20;

export function limitsProblem(
  container: DesiredContainer,
  facts: { readonly processors: number; readonly controllers: readonly string[] },
): TcomposeError | undefined {
  const { resources } = container;
  const problem = (message: string, help: string) =>
    new TcomposeError(message, { code: 'limit-impossible', address: `container/${container.name}`, help });
  const { memoryBytes, memorySwapBytes, memoryReservationBytes, milliCpus } = resources;
  if (memoryBytes !== undefined && memoryBytes < LEAST_MEMORY) {
    return problem(`a memory limit of ${memoryBytes} bytes is too small`, 'minimum memory limit allowed is 6MB');
  }
  if (memorySwapBytes !== undefined && memorySwapBytes !== -1 && memorySwapBytes < (memoryBytes ?? 0)) {
    return problem(
      'memswap_limit is smaller than mem_limit',
      'it counts memory and swap together: raise it, or leave it out',
    );
  }
  if (memoryReservationBytes !== undefined && memoryBytes !== undefined && memoryReservationBytes > memoryBytes) {
    return problem(
      'the memory reservation is larger than the memory limit',
      'lower mem_reservation or raise mem_limit',
    );
  }
  if (milliCpus !== undefined && (milliCpus < 10 || milliCpus > facts.processors * 1000)) {
    return problem(
      `this host cannot give ${milliCpus / 1000} CPUs`,
      `range of CPUs is from 0.01 to ${facts.processors}.00`,
    );
  }
  const missing = neededControllers(resources).find((controller) => !facts.controllers.includes(controller));
  if (missing !== undefined) {
    return problem(
      `this host has no ${missing} control group to hold the limit`,
      `see what it has, and how to mend it:\n    tcompose system doctor`,
    );
  }
  const shared = container.mounts.find((mount) => mount.kind === 'bind' && /shared/.test(mount.propagation));
  if (shared !== undefined) {
    return problem(
      `the mount on ${shared.target} cannot be shared back to the host`,
      'use rslave, or leave propagation out',
    );
  }
  return undefined;
}

function neededControllers(resources: DesiredContainer['resources']): readonly string[] {
  const { memoryBytes, memoryReservationBytes, pidsLimit, milliCpus, cpuShares, cpuset } = resources;
  return [
    ...(memoryBytes === undefined && memoryReservationBytes === undefined ? [] : ['memory']),
    ...(pidsLimit === undefined ? [] : ['pids']),
    ...(milliCpus === undefined && cpuShares === undefined ? [] : ['cpu']),
    ...(cpuset === undefined ? [] : ['cpuset']),
  ];
}
