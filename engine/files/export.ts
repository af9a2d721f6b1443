/** The merged file system of a container as one tar stream. */
import type { Host } from '../host.ts';
import { notYet } from '../not-yet.ts';

export const exportContainer = async (_host: Host, _name: string): Promise<NodeJS.ReadableStream> => notYet('export');
