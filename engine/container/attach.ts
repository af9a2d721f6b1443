/** The container's own streams, joined to this process's. */
import type { AttachRequest } from '../../src/model/engine.ts';
import type { Host } from '../host.ts';
import { notYet } from '../not-yet.ts';

export const attachToContainer = async (
  _host: Host,
  _name: string,
  _request: AttachRequest,
): Promise<number | undefined> => notYet('attach');
