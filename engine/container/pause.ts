/** Freezes and thaws all processes of a container. */
import type { Host } from '../host.ts';
import { notYet } from '../not-yet.ts';

export const pauseContainers = async (_host: Host, _names: readonly string[]): Promise<ReadonlyMap<string, Error>> =>
  notYet('pause');

export const unpauseContainers = async (_host: Host, _names: readonly string[]): Promise<ReadonlyMap<string, Error>> =>
  notYet('unpause');
