/** What a container uses, from its cgroup and its network namespace. */
import type { ContainerStats } from '../../src/model/engine.ts';
import type { Host } from '../host.ts';
import { notYet } from '../not-yet.ts';

export const containerStats = async (_host: Host, _name: string): Promise<ContainerStats | undefined> =>
  notYet('stats');
