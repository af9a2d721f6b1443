/** The processes of a container, as this host sees them. */
import type { ProcessFact } from '../../src/model/engine.ts';
import type { Host } from '../host.ts';
import { notYet } from '../not-yet.ts';

export const containerProcesses = async (_host: Host, _name: string): Promise<readonly ProcessFact[]> => notYet('top');
