/** Which key of a service a refused limit was written under, by the words of the refusal (engine/container/resources/check-limits.ts). */
import type { Path } from '../model/source.ts';

const RESOURCES = ['deploy', 'resources'];

/** The first that fits counts; of its places, the first that the file has. */
const PLACES: readonly (readonly [words: RegExp, ...places: readonly Path[]])[] = [
  [/^a memory limit/, ['mem_limit'], [...RESOURCES, 'limits', 'memory']],
  [/\bmem_reservation\b|memory reservation/, ['mem_reservation'], [...RESOURCES, 'reservations', 'memory']],
  [/\bCPUs\b|to hold cpus/, ['cpus'], [...RESOURCES, 'limits', 'cpus']],
  [/blkio|^a rate of/, ['blkio_config']],
  [/^cpuset/, ['cpuset']],
  ...[
    'memswap_limit',
    'mem_swappiness',
    'cpu_rt_runtime',
    'cpu_shares',
    'cpu_period',
    'cpu_quota',
    'cgroup_parent',
  ].map((key) => [new RegExp(`\\b${key}\\b`), [key]] as const),
];

/** Undefined: none of the file's keys is meant. */
export function limitPlace(message: string, value: (path: Path) => unknown): Path | undefined {
  const [, ...places] = PLACES.find(([words]) => words.test(message)) ?? [undefined];
  return places.find((path) => value(path) !== undefined);
}
