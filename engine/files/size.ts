/** How much of the disk a container takes. */
import type { Host } from '../host.ts';
import { notYet } from '../not-yet.ts';

export const containerSize = async (
  _host: Host,
  _name: string,
): Promise<{ readonly writableBytes: number; readonly totalBytes: number }> => notYet('ps --size');
