/** A command run in a container for whoever starts or stops it; what it says is kept. */
import type { DesiredHook } from '../../src/model/desired.ts';
import type { Host } from '../host.ts';
import { notYet } from '../not-yet.ts';

export const runHook = async (
  _host: Host,
  _name: string,
  _hook: DesiredHook,
): Promise<{ readonly exitCode: number; readonly output: string }> => notYet('a hook');
